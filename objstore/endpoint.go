package objstore

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// ParseEndpoint completes and checks the URL of a service: https is understood where no scheme is written, and plain http
// is for this machine alone unless insecure is set. A slash at the end is dropped. The error shows no password.
func ParseEndpoint(endpoint string, insecure bool) (string, error) {
	text := endpoint
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("malformed endpoint %q: it should look like https://a3s.fi", redact(endpoint))
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return "", fmt.Errorf("malformed endpoint %q: neither https nor http", endpoint)
	case !insecure && !loopback(u.Hostname()):
		return "", fmt.Errorf("endpoint %q isn't encrypted: plain http is for this machine only", endpoint)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// redact takes away what may be a password in front of the host.
func redact(endpoint string) string {
	if i := strings.LastIndex(endpoint, "@"); i >= 0 {
		return "..." + endpoint[i:]
	}
	return endpoint
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
