package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// names returns the names in a directory.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestOutputHasItsNameWhenComplete(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "x")
	files := &outputs{}
	f, err := files.write(target, 0o640, false, []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	if exists(target) {
		t.Error("there before it was complete")
	}
	if err := f.commit(); err != nil {
		t.Fatal(err)
	}
	f.discard()
	if data, err := os.ReadFile(target); err != nil || string(data) != "new" {
		t.Errorf("%q, %v", data, err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

func TestOutputReplacesOnlyWithForce(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "x")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := &outputs{}
	if _, err := files.create(target, 0o600, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("without force: %v", err)
	}
	f, err := files.write(target, 0o600, true, []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.commit(); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(target); string(data) != "new" {
		t.Errorf("with force: %q", data)
	}
}

// A file that somebody makes while ours is being written is kept.
func TestOutputLosesTheRace(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "x")
	files := &outputs{}
	f, err := files.write(target, 0o600, false, []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("commit: %v", err)
	}
	if data, _ := os.ReadFile(target); string(data) != "other" {
		t.Errorf("replaced by %q", data)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

func TestAbandonedOutputsAreGone(t *testing.T) {
	dir := t.TempDir()
	files := &outputs{}
	for _, name := range []string{"a", "b"} {
		if _, err := files.write(filepath.Join(dir, name), 0o600, false, []byte("half")); err != nil {
			t.Fatal(err)
		}
	}
	files.abandon()
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestOutputToDevice(t *testing.T) {
	files := &outputs{}
	f, err := files.create(os.DevNull, 0o600, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := f.commit(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Errorf("%s is %v, %v", os.DevNull, info.Mode(), err)
	}
}

func TestOutputIntoDirectory(t *testing.T) {
	files := &outputs{}
	if _, err := files.create(t.TempDir(), 0o600, true); err == nil {
		t.Error("a directory was taken for a file")
	}
	if _, err := files.create(filepath.Join(t.TempDir(), "missing", "x"), 0o600, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing directory: %v", err)
	}
}
