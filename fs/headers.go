package fs

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"allasfs/c4gh"
)

// HeaderSource supplies the headers of objects that hold only a body.
type HeaderSource interface {
	// Header returns the header of an object as it is stored, in ciphertext bytes; nil when the source has none. Any
	// number of goroutines may call it.
	Header(ctx context.Context, bucket, key string) ([]byte, error)
}

// HeaderDir is a [HeaderSource] over a local directory. Headers are files DIR/BUCKET/KEY, or entries of manifests as
// SD Connect's sd-lock writes them: files of any name that ends in .json, directly in the directory.
type HeaderDir struct {
	root      *os.Root
	manifests map[string]map[string]string // bucket → key → base64url
}

// headerLimit bounds what is read as one header, in bytes; c4gh has the same bound.
const headerLimit = 16 << 20

// OpenHeaderDir reads the manifests of a directory. Close it.
func OpenHeaderDir(dir string) (*HeaderDir, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	d := &HeaderDir{root: root, manifests: make(map[string]map[string]string)}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, file := range files {
		err = errors.Join(err, d.addManifest(file))
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return d, nil
}

// Close lets go of the directory.
func (d *HeaderDir) Close() error { return d.root.Close() }

func (d *HeaderDir) addManifest(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var manifest struct {
		Bucket  string
		Headers []struct{ Key, Header string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return fmt.Errorf("manifest %s: %w", file, err)
	}
	if manifest.Bucket == "" {
		return fmt.Errorf("manifest %s names no bucket", file)
	}
	headers := d.manifests[manifest.Bucket]
	if headers == nil {
		headers = make(map[string]string)
		d.manifests[manifest.Bucket] = headers
	}
	for _, h := range manifest.Headers {
		headers[h.Key] = h.Header
	}
	return nil
}

// Header implements [HeaderSource]. A file goes before a manifest.
func (d *HeaderDir) Header(_ context.Context, bucket, key string) ([]byte, error) {
	header, err := d.file(filepath.Join(bucket, key))
	if header != nil || err != nil {
		return header, err
	}
	encoded, ok := d.manifests[bucket][key]
	if !ok {
		return nil, nil
	}
	// Padding is optional in base64url (RFC 4648, section 5).
	header, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil, fmt.Errorf("header in the manifest of %s: %w", bucket, err)
	}
	return header, nil
}

func (d *HeaderDir) file(name string) ([]byte, error) {
	if !filepath.IsLocal(name) {
		return nil, nil
	}
	info, err := d.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > headerLimit {
		return nil, fmt.Errorf("header file %s has %d bytes: %w", name, info.Size(), c4gh.ErrMalformed)
	}
	return d.root.ReadFile(name)
}

// parseHeader reads a header that must be whole and nothing else.
func parseHeader(data []byte) (*c4gh.Header, error) {
	r := bytes.NewReader(data)
	header, err := c4gh.ReadHeader(r)
	if err == nil && r.Len() > 0 {
		err = fmt.Errorf("%d bytes behind the header: %w", r.Len(), c4gh.ErrMalformed)
	}
	return header, err
}
