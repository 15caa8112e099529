// Command s3serve runs the tests' S3 server for a person or a shell script.
//
//	s3serve [-addr 127.0.0.1:9000] [-access KEY -secret SECRET] [-bucket NAME] [DIR]
//
// Each directory in DIR is a bucket, and the files below it are its objects. Without DIR the server begins empty. What
// is uploaded is kept in memory and forgotten at the end; files in DIR are never changed.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"allasfs/test/s3server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "s3serve:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	access := flag.String("access", "TESTACCESSKEY0000001", "access key that is accepted")
	secret := flag.String("secret", "test-secret-key-000000000000000000000001", "its secret key")
	bucket := flag.String("bucket", "", "make an empty bucket of this name")
	flag.Parse()

	s, err := s3server.Start(s3server.Config{Addr: *addr, Keys: []s3server.Key{{Access: *access, Secret: *secret}}})
	if err != nil {
		return err
	}
	defer s.Close()
	if *bucket != "" {
		if err := s.CreateBucket(*bucket, *access); err != nil {
			return err
		}
	}
	if flag.NArg() > 0 {
		if err := s.Load(flag.Arg(0), *access); err != nil {
			return err
		}
	}
	fmt.Printf("export AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s\n", s.URL(), *access, *secret)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	return nil
}
