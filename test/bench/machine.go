package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine describes what the benchmark runs on.
func machine() []string {
	var u unix.Utsname
	var s unix.Sysinfo_t
	_, _ = unix.Uname(&u), unix.Sysinfo(&s)
	return []string{
		fmt.Sprintf("%d cores (%s), %d GiB of memory", runtime.NumCPU(), processor(), s.Totalram*uint64(s.Unit)>>30),
		fmt.Sprintf("%s %s, %s", unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), runtime.Version()),
		"measured on " + time.Now().UTC().Format(time.DateOnly),
	}
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// versions asks the tools what they are.
func (b *bench) versions() map[string]string {
	all := map[string]string{}
	for _, t := range []*tool{ours, s3fs, rclone, crypt4ghf} {
		v, err := t.version(b)
		if err != nil {
			v = "not run: " + err.Error()
		}
		all[t.name] = v
	}
	return all
}
