package s3store

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"allasfs/objstore"
)

// XML has no way to write most control characters and two others, and Ceph writes them all the same, wherever it repeats
// a prefix or says how a listing goes on: &#x01;, and U+FFFE and U+FFFF as they are. Keys are safe, they are asked for in
// another encoding. So what no reader of XML takes is replaced in listings, and where it stood in the token, the entry
// listed last tells the token: Ceph's is that.

const replacement = '?'

// legibleListings has the answers to ListObjectsV2 read through [legible].
func legibleListings(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("allasfs.legibleListings", func(ctx context.Context,
		in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && awsmiddleware.GetOperationName(ctx) == "ListObjectsV2" {
			answer.Body = &legible{bufio.NewReader(answer.Body), answer.Body}
		}
		return out, metadata, err
	}), middleware.After)
}

// legible is a body with a "?" for each character that XML doesn't have.
type legible struct {
	in *bufio.Reader
	io.Closer
}

func (l *legible) Read(p []byte) (n int, err error) {
	for n < len(p) && (n == 0 || l.in.Buffered() > 0) {
		b, err := l.in.ReadByte()
		if err != nil {
			return n, err
		}
		if length := lengths[b]; length > 0 {
			if rest, _ := l.in.Peek(length - 1); illegal(b, string(rest)) {
				l.in.Discard(len(rest))
				b = replacement
			}
		}
		p[n] = b
		n++
	}
	return n, nil
}

// lengths are those of what stands for an illegal character, by the first byte.
var lengths = [256]int{'&': len("&#x01;"), '\xef': len("\uffff")}

// illegal tells whether a byte and what follows it stand for a character that XML doesn't have.
func illegal(first byte, rest string) bool {
	switch {
	case first == '\xef':
		return rest == "\xbf\xbe" || rest == "\xbf\xbf"
	case len(rest) != len("#x01;") || rest[:2] != "#x" || rest[4] != ';':
		return false
	}
	code, err := strconv.ParseUint(rest[2:4], 16, 8)
	return err == nil && isControl(rune(code))
}

func isControl(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }

// wholeToken returns the token with the characters that had to be replaced.
func wholeToken(token string, page objstore.Page) string {
	last := ""
	if n := len(page.Objects); n > 0 {
		last = page.Objects[n-1].Key
	}
	if n := len(page.Prefixes); n > 0 {
		last = max(last, page.Prefixes[n-1])
	}
	replaced := strings.Map(func(r rune) rune {
		if isControl(r) || r == '\ufffe' || r == '\uffff' {
			return replacement
		}
		return r
	}, last)
	if token == replaced {
		return last
	}
	return token
}
