// Package fs shows object stores as directories and encrypted objects as plaintext files.
//
// It has two halves. The tree ([Tree], [Listing], [Content]) knows keys and headers and no kernel: it maps keys to
// names, keeps listings, and finds out what an object holds. The nodes (dir, file) are its FUSE side: attributes,
// handles, extended attributes, and the one table from causes to errnos.
//
// A file node is one object version. When the object is replaced, a new lookup makes a new node with another inode
// number; the old node keeps its size and its pages in the kernel, and reads of what isn't there fail with ESTALE.
package fs
