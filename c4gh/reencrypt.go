package c4gh

import (
	"io"
)

// ReencryptOptions say for whom to make new packets.
type ReencryptOptions struct {
	// Writer makes the new packets; nil for a fresh key pair that nobody keeps.
	Writer *SecretKey
	// Recipients get the new packets; at least one. Duplicates count once.
	Recipients []PublicKey
	// Trim drops the packets that none of the keys opens; they are kept otherwise.
	Trim bool
	// HeaderOnly leaves out the body; see [Reencrypt].
	HeaderOnly bool
}

// Reencrypt returns a header that lets the new recipients open what the keys open. The packets that the keys open are
// replaced, so a recipient of before loses access unless named again. The errors are those of [Header.Open].
func (h *Header) Reencrypt(keys []*SecretKey, o ReencryptOptions) (*Header, error) {
	c, err := h.open(keys, OpenOptions{})
	if err != nil {
		return nil, err
	}
	n, err := c.header(o.Writer, o.Recipients)
	if err != nil {
		return nil, err
	}
	if !o.Trim {
		n.Packets = append(n.Packets, c.others...)
	}
	return n, n.checkBounds()
}

// header makes a header for new recipients of what was opened.
func (c *contents) header(writer *SecretKey, recipients []PublicKey) (*Header, error) {
	o := HeaderOptions{Writer: writer, Recipients: recipients, DataKeys: c.dataKeys}
	if c.edited {
		o.Edits = c.edits
	}
	return NewHeader(o)
}

// Reencrypt reads an object from src and writes it to dst with a new header, see [Header.Reencrypt]. The body is
// copied as it is, neither decrypted nor checked.
func Reencrypt(dst io.Writer, src io.Reader, keys []*SecretKey, o ReencryptOptions) error {
	h, err := ReadHeader(src)
	if err != nil {
		return err
	}
	n, err := h.Reencrypt(keys, o)
	if err != nil {
		return err
	}
	if _, err := n.WriteTo(dst); err != nil || o.HeaderOnly {
		return err
	}
	_, err = io.Copy(dst, src)
	return err
}
