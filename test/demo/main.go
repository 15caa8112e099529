// Command demo shows what allasfs is for, in a minute and without an account anywhere: it starts an S3 server of its
// own, fills a bucket with encrypted sequencing reads, mounts it, and reads plaintext. It prints each command as a
// person would type it.
//
//	demo bin/allasfs
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"allasfs/test/s3server"
	"allasfs/test/samples"
)

const bucket = "sequencing-2026"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo ALLASFS")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo is where everything happens.
type demo struct {
	dir    string // the working directory of all commands
	env    []string
	server *s3server.Server
}

func run(binary string) (err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	d := &demo{}
	if d.dir, err = os.MkdirTemp("", "allasfs-demo-*"); err != nil {
		return err
	}
	defer os.RemoveAll(d.dir)
	if d.server, err = s3server.Start(s3server.Config{}); err != nil {
		return err
	}
	defer d.server.Close()
	key := d.server.Key(0)
	d.env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "HOME="+d.dir,
		"XDG_STATE_HOME="+filepath.Join(d.dir, "state"), "AWS_ENDPOINT_URL="+d.server.URL(),
		"AWS_ACCESS_KEY_ID="+key.Access, "AWS_SECRET_ACCESS_KEY="+key.Secret)
	defer d.unmountAtTheEnd()
	// Ctrl-C reaches the command that runs; the demo then fails with it and cleans up.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	return d.scenes()
}

// scenes plays the demo.
func (d *demo) scenes() error {
	for _, scene := range []func() error{d.prepare, d.upload, d.look, d.read, d.nothingOnDisk, d.end} {
		if err := scene(); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) prepare() error {
	say("A key pair: the public key is for those who encrypt for you, the secret key stays with you.",
		"(It has no passphrase here, so that nobody has to type one.)")
	if err := d.shell("allasfs keygen --sk my.key --pk my.pub --nocrypt"); err != nil {
		return err
	}
	say("Sequencing reads of three samples, as FASTQ, and the last one compressed as well.")
	if err := d.makeReads(); err != nil {
		return err
	}
	return d.shell("ls -l run-7", "(cd run-7 && sha256sum *) >SHA256SUMS")
}

// makeReads writes the plaintext files.
func (d *demo) makeReads() error {
	if err := os.Mkdir(filepath.Join(d.dir, "run-7"), 0o700); err != nil {
		return err
	}
	genome := samples.NewGenome(7, 2, 100_000)
	for i := range 3 {
		f, err := os.Create(filepath.Join(d.dir, "run-7", fmt.Sprintf("sample%d.fastq", i+1)))
		if err != nil {
			return err
		}
		if err := genome.WriteFASTQ(f, uint64(i), 20_000, 150); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return d.quietly("gzip -k run-7/sample3.fastq")
}

func (d *demo) upload() error {
	say("Encrypt them with Crypt4GH, and delete the plaintext.")
	if err := d.shell("allasfs encrypt --quiet --pk my.pub run-7 -o encrypted", "rm -r run-7", "ls encrypted"); err != nil {
		return err
	}
	if err := d.server.CreateBucket(bucket, d.server.Key(0).Access); err != nil {
		return err
	}
	put := func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return d.server.Put(bucket, "run-7/"+e.Name(), body)
	}
	if err := filepath.WalkDir(filepath.Join(d.dir, "encrypted"), put); err != nil {
		return err
	}
	say("The four objects are in the bucket " + bucket + " now (put there by the demo itself), and only there.")
	return d.shell("rm -r encrypted")
}

func (d *demo) look() error {
	say("Mount every bucket. The server's address and the credentials are in the environment, as for any S3 program.")
	if err := d.shell("mkdir allas && allasfs mount --sk my.key allas"); err != nil {
		return err
	}
	say("The tree: plaintext names and exact plaintext sizes.")
	return d.shell("ls -l allas/" + bucket + "/run-7")
}

func (d *demo) read() error {
	file := "allas/" + bucket + "/run-7/sample1.fastq"
	say("Any program reads plaintext by name.")
	if err := d.shell("head -n 4 "+file, "zcat "+file[:len(file)-len("1.fastq")]+"3.fastq.gz | wc -l"); err != nil {
		return err
	}
	say("By range as well: only the pieces that are needed are fetched and decrypted.")
	d.server.ResetLog()
	if err := d.shell("tail -c 400 allas/" + bucket + "/run-7/sample2.fastq | tail -n 2"); err != nil {
		return err
	}
	say(fmt.Sprintf("For that the server sent %d KiB of an object of several MiB.", d.server.Counts().GetBytes>>10))
	say("Byte for byte what was encrypted:")
	return d.shell("(cd allas/" + bucket + "/run-7 && sha256sum -c ../../../SHA256SUMS)")
}

func (d *demo) nothingOnDisk() error {
	say("Nothing decrypted is on disk: outside the mount, no file holds the bases of the first read.")
	return d.shell(
		"ls -A",
		"read=$(sed -n 2p allas/"+bucket+"/run-7/sample1.fastq); "+
			"! grep -rlF --exclude-dir=allas \"$read\" . && echo no file")
}

func (d *demo) end() error {
	say("Unmount.")
	if err := d.shell("allasfs umount allas", "ls allas"); err != nil {
		return err
	}
	say("That was all.")
	return nil
}

// say prints what comes next.
func say(lines ...string) {
	fmt.Printf("\n# %s\n", strings.Join(lines, "\n# "))
}

// shell prints commands as they are typed, and runs them.
func (d *demo) shell(commands ...string) error {
	for _, c := range commands {
		fmt.Printf("$ %s\n", c)
		if err := d.quietly(c); err != nil {
			return err
		}
	}
	return nil
}

// quietly runs a command without printing it.
func (d *demo) quietly(script string) error {
	cmd := exec.Command("bash", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.dir, d.env, os.Stdout, os.Stdout
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", script, err)
	}
	return nil
}

// unmountAtTheEnd leaves nothing mounted, whatever went wrong.
func (d *demo) unmountAtTheEnd() {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err == nil && strings.Contains(string(mounts), " "+filepath.Join(d.dir, "allas")+" ") {
		if err := d.quietly("allasfs umount --lazy allas"); err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
		}
	}
}
