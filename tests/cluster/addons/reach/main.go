// Copyright (c) 2026, vdsg.jupyterhub contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Reach tries once, for two seconds, and says what came of it: `reach http://NAME[:PORT]/` prints what is answered, `reach NAME:PORT` that it is open.
// It ends with 0 when it got there, with 3 when it did not; any other end is a fault of its own.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const patience = 2 * time.Second

func main() {
	text, err := reach(os.Args[1])
	if err != nil {
		fmt.Println("not reached:", err)
		os.Exit(3)
	}
	fmt.Println(text)
}

func reach(target string) (string, error) {
	if !strings.Contains(target, "://") {
		connection, err := net.DialTimeout("tcp", target, patience)
		if err != nil {
			return "", err
		}
		return "open", connection.Close()
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{}}
	response, err := client.Get(target)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return strings.TrimSpace(string(body)), err
}
