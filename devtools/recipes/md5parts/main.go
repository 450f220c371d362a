// Command md5parts makes the MD5 of parts of files, as many side by side as fit into the registers of a core: several
// times as fast as one after the other. It reads requests from its standard input, one JSON object a line, and answers
// each with a line, in the order in which they are done: the request's number from 0, and its MD5, or "-" where the part
// cannot be read. It ends with its input.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	md5simd "github.com/minio/md5-simd"
)

const (
	lanes  = 16 // of AVX-512; AVX2 has 8
	buffer = 128 << 10
)

type part struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	number int64
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "md5parts:", err)
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
	hash := server.NewHash()
	defer hash.Close()
	// Without its ReadFrom and WriteTo, which would take other buffers.
	read := struct{ io.Reader }{io.NewSectionReader(file, one.Offset, one.Length)}
	count, err := io.CopyBuffer(struct{ io.Writer }{hash}, read, space)
	if err != nil || count != one.Length {
		return "-"
	}
	return hex.EncodeToString(hash.Sum(nil))
}
