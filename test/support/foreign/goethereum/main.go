// Command goethereum reads signed records as JSON lines from standard input and checks each with go-ethereum: the
// signature recovers to the stated key and verifies against it. Prints how many lines there were and how many hold.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

type record struct {
	Msg  string        `json:"msg"`
	Salt string        `json:"salt"`
	Sign hexutil.Bytes `json:"sign"`
	Key  hexutil.Bytes `json:"key"`
}

func holds(r record) bool {
	hash := crypto.Keccak256Hash([]byte(r.Salt), []byte(r.Msg))
	point, err := crypto.Ecrecover(hash.Bytes(), r.Sign)
	return err == nil && bytes.Equal(point, r.Key) && crypto.VerifySignature(r.Key, hash.Bytes(), r.Sign[:64])
}

func main() {
	lines, good := 0, 0
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(make([]byte, 1<<20), 16<<20)
	for scanner.Scan() {
		var r record
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			log.Fatal(err)
		}
		lines++
		if holds(r) {
			good++
		}
	}
	if err := scanner.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(lines, good)
}
