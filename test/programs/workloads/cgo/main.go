// Answers each number with another, which C code computes; goroutines meanwhile call into C and are called back from there.
package main

/*
int steps(int number);
int sum_of_calls(int times);
*/
import "C"

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

//export twice
func twice(n C.int) C.int { return 2 * n }

func work() {
	for {
		if C.sum_of_calls(20) != 380 {
			os.Exit(3)
		}
		text := strings.Repeat("a string for the collector ", 100)
		if len(strings.Fields(text)) != 500 {
			os.Exit(4)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func main() {
	for n := 0; n < 4; n++ {
		go work()
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var number int
		fmt.Sscan(in.Text(), &number)
		fmt.Println(C.steps(C.int(number)))
	}
}
