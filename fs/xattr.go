package fs

import (
	"context"
	"strconv"
	"strings"
	"syscall"
)

// xattrs are the extended attributes of a file: where it comes from, and why it can't be read.
func (f *file) xattrs() []struct{ name, value string } {
	v := f.content.Version
	encryption := "none"
	if f.content.Encrypted {
		encryption = "crypt4gh"
	}
	profile, bucket, key := f.mount.tree.stored(v)
	out := []struct{ name, value string }{
		{"user.allasfs.bucket", bucket},
		{"user.allasfs.key", key},
		{"user.allasfs.etag", v.ETag},
		{"user.allasfs.stored_size", strconv.FormatInt(v.Size, 10)},
		{"user.allasfs.encryption", encryption},
	}
	if profile != "" {
		out = append(out, struct{ name, value string }{"user.allasfs.profile", profile})
	}
	if f.content.Err != nil {
		out = append(out, struct{ name, value string }{"user.allasfs.problem", f.content.Err.Error()})
	}
	return out
}

// Getxattr returns one of the attributes. Those of the system (ACLs, security labels) aren't supported rather than not
// there: with that answer `ls -l` asks once and not for each file.
func (f *file) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	if !strings.HasPrefix(name, "user.") {
		return 0, syscall.EOPNOTSUPP
	}
	for _, x := range f.xattrs() {
		if x.name == name {
			return fit(dest, x.value)
		}
	}
	return 0, syscall.ENODATA
}

// Listxattr returns the names.
func (f *file) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	var names strings.Builder
	for _, x := range f.xattrs() {
		names.WriteString(x.name + "\x00")
	}
	return fit(dest, names.String())
}

// fit copies value, or tells how long it is when dest is too short.
func fit(dest []byte, value string) (uint32, syscall.Errno) {
	if len(dest) < len(value) {
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}
