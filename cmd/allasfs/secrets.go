package main

import "golang.org/x/sys/unix"

// protectSecrets keeps keys and plaintext of a command that reads streams out of core files, out of reach for other
// processes of the same user, and out of swap where the system lets it.
//
// Memory is locked as a whole or not at all: keys lie wherever the Go runtime put them, and it maps far more memory than
// it uses, so under a limit the lock would fail, now or, worse, later, when the runtime needs memory. Raising the limit
// succeeds exactly where there is none, or for a privileged user.
func protectSecrets() {
	forbidDumps()
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if unix.Setrlimit(unix.RLIMIT_MEMLOCK, &none) == nil {
		_ = unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
	}
}
