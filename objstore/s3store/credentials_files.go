package s3store

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"strings"

	"gopkg.in/ini.v1"
)

// fromAWS reads the files of the AWS tools: keys from either, with the credentials file first, the rest from the config
// file. Keys may be in capitals, as CSC's allas_conf writes them.
// Source: "Configuration and credential file settings" of the AWS CLI's user guide.
func fromAWS(o CredentialOptions) (Credentials, error) {
	profile := cmp.Or(o.Profile, o.Env("AWS_PROFILE"), "default")
	keys := o.path("AWS_SHARED_CREDENTIALS_FILE", ".aws", "credentials")
	config := o.path("AWS_CONFIG_FILE", ".aws", "config")
	c := Credentials{Source: keys + " and " + config + ", profile " + profile}
	credentials, err := openINI(keys)
	settings, configErr := openINI(config)
	if errors.Is(err, fs.ErrNotExist) {
		err = configErr
	}
	in := []section{credentials.section(profile), settings.section("profile " + profile)}
	if profile == "default" {
		in = append(in, settings.section(profile))
	}
	for _, s := range in {
		if !c.complete() {
			c.AccessKeyID, c.SecretAccessKey = s.get("aws_access_key_id"), s.get("aws_secret_access_key")
			c.SessionToken = s.get("aws_session_token")
			c.Expires = parseExpiry(s.get("x_security_token_expires")) // as tools that log in for others write it
		}
		c.Endpoint = cmp.Or(c.Endpoint, s.get("endpoint_url"))
		c.Region = cmp.Or(c.Region, s.get("region"))
	}
	if c.complete() {
		err = nil
	}
	return c, err
}

// fromS3cfg reads s3cmd's file. Its first section counts, whatever its name.
func fromS3cfg(o CredentialOptions) (Credentials, error) {
	name := o.path("", ".s3cfg")
	file, err := openINI(name)
	s := file.first()
	c := Credentials{
		AccessKeyID:     s.get("access_key"),
		SecretAccessKey: s.get("secret_key"),
		SessionToken:    s.get("access_token"),
		Endpoint:        s.get("host_base"),
		Source:          name,
	}
	if c.Endpoint != "" && strings.EqualFold(s.get("use_https"), "false") {
		c.Endpoint = "http://" + c.Endpoint
	}
	return c, err
}

// iniFile is a file of sections with settings; the zero value has none.
type iniFile struct{ file *ini.File }

// openINI doesn't say what is wrong inside of a file: the words of the parser would show the line.
func openINI(name string) (iniFile, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		return iniFile{}, err
	}
	if bytes.Contains(text, []byte("RCLONE_ENCRYPT_V0:")) {
		return iniFile{}, errors.New("encrypted by rclone with a password")
	}
	file, err := ini.LoadSources(ini.LoadOptions{
		InsensitiveKeys:         true,
		IgnoreInlineComment:     true, // a secret may contain any character
		IgnoreContinuation:      true,
		PreserveSurroundedQuote: true,
		SkipUnrecognizableLines: true,
		AllowNestedValues:       true,   // of "s3 =" in ~/.aws/config
		ChildSectionDelimiter:   "\x00", // a dot in a profile's name is a dot
	}, text)
	if err != nil {
		return iniFile{}, errors.New("malformed")
	}
	return iniFile{file}, nil
}

// section is one section of a file; the zero value has no settings.
type section struct{ section *ini.Section }

func (f iniFile) section(name string) section {
	if f.file == nil || !f.file.HasSection(name) {
		return section{}
	}
	return section{f.file.Section(name)}
}

// sections returns the sections with a name, in the file's order.
func (f iniFile) sections() []section {
	if f.file == nil {
		return nil
	}
	var named []section
	for _, s := range f.file.Sections() {
		if s.Name() != ini.DefaultSection {
			named = append(named, section{s})
		}
	}
	return named
}

// first is the first section with a name.
func (f iniFile) first() section {
	for _, s := range f.sections() {
		return s
	}
	return section{}
}

func (s section) name() string { return s.section.Name() }

// get returns a setting as it is written, with no interpolation.
func (s section) get(name string) string {
	if s.section == nil || !s.section.HasKey(name) {
		return ""
	}
	return s.section.Key(name).Value()
}
