// Command fakekeystone is an identity service beside test/ceph's gateway.
//
//	fakekeystone ADDRESS GATEWAY_URL USER:PASSWORD:PROJECT_ID:PROJECT_NAME[:ACCESS:SECRET] ...
//
// The gateway itself logs in as a user of the project "service".
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	"allasfs/test/keystone"
)

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: fakekeystone ADDRESS GATEWAY_URL USER:PASSWORD:PROJECT_ID:PROJECT_NAME[:ACCESS:SECRET] ...")
	}
	var accounts []keystone.Account
	for _, arg := range os.Args[3:] {
		a, err := parseAccount(arg)
		if err != nil {
			log.Fatal(err)
		}
		accounts = append(accounts, a)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], keystone.New(os.Args[2], accounts...)))
}

func parseAccount(arg string) (keystone.Account, error) {
	f := strings.Split(arg, ":")
	if len(f) != 4 && len(f) != 6 {
		return keystone.Account{}, fmt.Errorf("%q isn't an account", arg)
	}
	a := keystone.Account{User: f[0], Password: f[1], ProjectID: f[2], ProjectName: f[3]}
	if len(f) == 6 {
		a.Access, a.Secret = f[4], f[5]
	}
	return a, nil
}
