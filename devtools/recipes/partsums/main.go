// Command partsums makes digests of parts of files: the MD5 of as many side by side as fit into the registers of a
// core, several times as fast as one after the other, and those of S3's additional checksums, which cores have
// instructions for. It reads requests from its standard input, one JSON object a line, and answers each with a line, in
// the order in which they are done: the request's number from 0, and the digest, or "-" where the part cannot be read.
// It ends with its input.
package main

import (
	"bufio"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/minio/crc64nvme"
	md5simd "github.com/minio/md5-simd"
)

const (
	lanes  = 16 // of AVX-512; AVX2 has 8
	buffer = 128 << 10
)

type part struct {
	Path      string `json:"path"`
	Offset    int64  `json:"offset"`
	Length    int64  `json:"length"`
	Algorithm string `json:"algorithm"`
	number    int64
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "partsums:", err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	server := md5simd.NewServer()
	defer server.Close()
	parts := make(chan part)
	var answers sync.Mutex
	var workers sync.WaitGroup
	for range lanes {
		workers.Add(1)
		go func() {
			defer workers.Done()
			space := make([]byte, buffer)
			for one := range parts {
				text := sum(server, one, space)
				answers.Lock()
				fmt.Fprintf(out, "%d %s\n", one.number, text)
				answers.Unlock()
			}
		}()
	}
	defer workers.Wait()
	defer close(parts)
	requests := json.NewDecoder(bufio.NewReader(in))
	for number := int64(0); ; number++ {
		one := part{number: number}
		if err := requests.Decode(&one); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		parts <- one
	}
}

func sum(server md5simd.Server, one part, space []byte) string {
	file, err := os.Open(one.Path)
	if err != nil {
		return "-"
	}
	defer file.Close()
	digest, done := begin(server, one.Algorithm)
	if digest == nil {
		return "-"
	}
	defer done()
	// Without its ReadFrom and WriteTo, which would take other buffers.
	read := struct{ io.Reader }{io.NewSectionReader(file, one.Offset, one.Length)}
	count, err := io.CopyBuffer(struct{ io.Writer }{digest}, read, space)
	if err != nil || count != one.Length {
		return "-"
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// begin returns a digest without content, and what to call once it is done with; nil for an algorithm that is unknown.
func begin(server md5simd.Server, algorithm string) (hash.Hash, func()) {
	nothing := func() {}
	switch algorithm {
	case "md5":
		digest := server.NewHash()
		return digest, digest.Close
	case "crc64nvme":
		return crc64nvme.New(), nothing
	case "crc32":
		return crc32.NewIEEE(), nothing
	case "crc32c":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli)), nothing
	case "sha1":
		return sha1.New(), nothing
	case "sha256":
		return sha256.New(), nothing
	}
	return nil, nothing
}
