package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"allasfs/test/bench/zerofs"
)

const (
	bucket = "bench"
	suffix = ".c4gh"
	access = "BENCHKEY"
	secret = "bench-secret"
)

// The tools, by the names that the tables show.
var (
	ours      = &tool{name: "allasfs", plain: true, start: startAllasfs, version: allasfsVersion}
	ourDisk   = &tool{name: "allasfs, disk tier", plain: true, start: startWithDisk, version: allasfsVersion}
	s3fs      = &tool{name: "s3fs", note: "16 streams", start: startS3fs, version: firstLine("s3fs", "--version")}
	rclone    = &tool{name: "rclone", note: "default", start: startRclone(), version: rcloneVersion}
	rclone16  = &tool{name: "rclone, 16 streams", note: "of 4 MiB", version: rcloneVersion, start: startRclone("--vfs-read-chunk-streams", "16", "--vfs-read-chunk-size", "4M")}
	crypt4ghf = &tool{name: "crypt4ghfs", note: "over s3fs", plain: true, start: startCrypt4ghfs, version: crypt4ghfsVersion}
	zeros     = &tool{name: "zero file", note: "FUSE alone", plain: true, start: startZeros}
)

// environ is that of somebody with nothing but an account on the server.
func (b *bench) environ(m *mount) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.home, "XDG_STATE_HOME=" + m.home,
		"AWS_ENDPOINT_URL=" + b.control.URL, "AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + secret,
	}
}

func startAllasfs(b *bench, m *mount) error { return b.allasfs(m) }

// startWithDisk keeps the disk tier in a directory of the benchmark, so that the next mount finds it.
func startWithDisk(b *bench, m *mount) error { return b.allasfs(m, "--disk-cache", b.diskTier()) }

func (b *bench) diskTier() string { return filepath.Join(b.work, "disk-tier") }

func (b *bench) allasfs(m *mount, flags ...string) error {
	return m.run("mnt", b.environ(m), func(dir string) []string {
		args := append([]string{b.options.allasfs, "mount", "-f", "--log-level", "warn", "--sk", b.data.key}, flags...)
		return append(args, "s3://"+bucket, dir)
	})
}

func startS3fs(b *bench, m *mount) error {
	passwords := filepath.Join(m.home, "passwd")
	if err := os.WriteFile(passwords, []byte(access+":"+secret+"\n"), 0o600); err != nil {
		return err
	}
	temporary := filepath.Join(m.home, "tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		return err
	}
	return m.run("s3fs", b.environ(m), func(dir string) []string {
		return []string{"s3fs", bucket, dir, "-f", "-o", strings.Join([]string{
			"ro", "url=" + b.control.URL, "use_path_request_style", "passwd_file=" + passwords, "parallel_count=16",
			"tmpdir=" + temporary, "dbglevel=crit",
		}, ",")}
	})
}

func startRclone(flags ...string) func(*bench, *mount) error {
	return func(b *bench, m *mount) error {
		env := append(b.environ(m),
			"RCLONE_CONFIG="+filepath.Join(m.home, "rclone.conf"), "RCLONE_CONFIG_B_TYPE=s3", "RCLONE_CONFIG_B_PROVIDER=Other",
			"RCLONE_CONFIG_B_ENDPOINT="+b.control.URL, "RCLONE_CONFIG_B_ACCESS_KEY_ID="+access,
			"RCLONE_CONFIG_B_SECRET_ACCESS_KEY="+secret)
		return m.run("rclone", env, func(dir string) []string {
			return append([]string{b.options.rclone, "mount", "b:" + bucket, dir, "--read-only"}, flags...)
		})
	}
}

func startCrypt4ghfs(b *bench, m *mount) error {
	if err := startS3fs(b, m); err != nil {
		return err
	}
	conf := filepath.Join(m.home, "fs.conf")
	text := fmt.Sprintf("[DEFAULT]\nrootdir=%s\nextension=%s\n[CRYPT4GH]\nseckey=%s\n[FUSE]\noptions=ro,default_permissions\n",
		m.root, suffix, b.data.key)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	return m.run("mnt", append(b.environ(m), "C4GH_PASSPHRASE=none needed"), func(dir string) []string {
		return []string{filepath.Join(b.options.venv, "bin", "crypt4ghfs"), "-f", "--conf", conf, dir}
	})
}

// startZeros mounts the zero file in a process of its own, which is this program again.
func startZeros(b *bench, m *mount) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return m.run("zeros", os.Environ(), func(dir string) []string {
		return []string{self, "zeros", dir, fmt.Sprint(b.data.large)}
	})
}

// zeroFiles returns the paths of the first files of a zero mount.
func (m *mount) zeroFiles(n int) (paths []string) {
	for i := range n {
		paths = append(paths, filepath.Join(m.root, zerofs.Name(i)))
	}
	return paths
}

func allasfsVersion(b *bench) (string, error) { return printed(b.options.allasfs, "version") }

func rcloneVersion(b *bench) (string, error) { return printed(b.options.rclone, "version") }

func firstLine(name string, args ...string) func(*bench) (string, error) {
	return func(*bench) (string, error) { return printed(name, args...) }
}

func crypt4ghfsVersion(b *bench) (string, error) {
	out, err := exec.Command(filepath.Join(b.options.venv, "bin", "pip"), "list", "--format=freeze").Output()
	if err != nil {
		return "", err
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if name, _, _ := strings.Cut(line, "=="); name == "crypt4gh" || name == "crypt4ghfs" || name == "PyNaCl" || name == "pyfuse3" {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, ", "), nil
}

// printed returns the first line that a program prints.
func printed(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	line, _, _ := strings.Cut(string(out), "\n")
	return line, err
}
