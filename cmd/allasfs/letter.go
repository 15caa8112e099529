package main

import (
	"net/url"
	"strings"
	"text/template"

	"allasfs/c4gh"
	"allasfs/objstore/s3store"
)

// letter is what a data producer has to know. The commands in it are exact but for FILE and REMOTE, and the tests run them,
// save the one of aws.
const letter = `Where and how to send us the data

The data goes to the bucket {{.Bucket}} of {{.Owner}} at {{.Endpoint}}.
Your project may upload into it:{{range .Senders}} {{.}}{{end}}
It may also list the bucket. It can't read there what other projects sent, nor delete anything.

1. Save two public keys. The first is ours; it is in the bucket too, as {{.KeyName}}: please compare them.
   The second is the one of CSC's services for sensitive data, as CSC's user guide has it.

cat > our.pub <<'END'
{{.Ours}}END
cat > csc.pub <<'END'
{{.CSC}}END

2. Encrypt every file for both keys, with crypt4gh (pip install crypt4gh) or with allasfs:

   crypt4gh encrypt --recipient_pk our.pub --recipient_pk csc.pub < FILE > FILE.c4gh
   allasfs encrypt --pk our.pub --pk csc.pub FILE -o FILE.c4gh

   Without our key we can't read the file, without CSC's key its services can't. Nobody can add a key later but
   somebody who can read the file.

3. Upload what is encrypted, over S3, with credentials of the project named above. Any of these does it:

   aws --endpoint-url {{.Endpoint}} s3 cp FILE.c4gh s3://{{.Bucket}}/ --acl bucket-owner-full-control
   rclone copy FILE.c4gh REMOTE:{{.Bucket}} --s3-no-check-bucket --s3-acl bucket-owner-full-control
   s3cmd --host={{.Host}} --host-bucket={{.Host}} put FILE.c4gh s3://{{.Bucket}}/

   An object belongs to the project that uploads it. The bucket's policy lets us read it all the same. The ACL
   bucket-owner-full-control says so in the object as well, which we can't do for you: please give it where your tool
   can. Don't make the object private to your project afterwards, and don't upload over the bucket's public key.

4. Tell us when everything is there, with the checksums of the unencrypted files. We then close the bucket, and
   from then on your project can't reach it any more.
`

// letterFor fills in the letter.
func letterFor(a s3store.Access, senders []s3store.Project, key c4gh.PublicKey, endpoint string) (string, error) {
	csc, err := loadPublicKey(cscName)
	if err != nil {
		return "", err
	}
	address, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	text, err := template.New("letter").Parse(letter)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = text.Execute(&out, map[string]any{
		"Bucket": a.Bucket, "Owner": a.Owner, "Endpoint": endpoint, "Host": address.Host, "Senders": senders,
		"KeyName": s3store.InboxKey, "Ours": string(key.Marshal()), "CSC": string(csc.Marshal()),
	})
	return out.String(), err
}
