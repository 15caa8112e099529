package s3store_test

import (
	"io"
	"net/http"
	"testing"

	"allasfs/objstore"
)

// Ceph writes control characters in listings, which no XML has. The token that has them comes back as it was.
func TestListedControlCharacters(t *testing.T) {
	const key = "p/a\x01b\x1f\uffff"
	var asked string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query().Get("continuation-token")
		io.WriteString(w, `<ListBucketResult><EncodingType>url</EncodingType><Prefix>p/a&#x01;`+"\ufffe"+`</Prefix><IsTruncated>true</IsTruncated>
			<Contents><Key>p%2Fa%01b%1F%EF%BF%BF</Key><Size>1</Size><ETag>"e"</ETag></Contents>
			<NextContinuationToken>p/a&#x01;b&#x1F;`+"\uffff"+`</NextContinuationToken></ListBucketResult>`)
	})
	store := open(t, url)
	page, err := store.List(t.Context(), "b", objstore.ListOptions{Prefix: "p/a\x01"})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != key {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := store.List(t.Context(), "b", objstore.ListOptions{Token: page.Next}); err != nil || asked != key {
		t.Errorf("asked for what is behind %q, %v", asked, err)
	}
}

// What only looks like such a character stays.
func TestListedReferences(t *testing.T) {
	const token = "a&b?&#x01;&amp;#x01;é\r\n\ufffd\uffe0&"
	var asked string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query().Get("continuation-token")
		io.WriteString(w, `<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>other</Key><Size>1</Size><ETag>"e"</ETag></Contents>
			<NextContinuationToken>a&amp;b?&amp;#x01;&amp;amp;#x01;&#xe9;&#x0d;&#x0A;`+"\ufffd\uffe0"+`&amp;</NextContinuationToken></ListBucketResult>`)
	})
	store := open(t, url)
	page, err := store.List(t.Context(), "b", objstore.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.List(t.Context(), "b", objstore.ListOptions{Token: page.Next}); err != nil || asked != token {
		t.Errorf("asked for what is behind %q, want %q, %v", asked, token, err)
	}
}
