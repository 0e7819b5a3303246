// Copyright (c) 2026, vdsg.jupyterhub contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

type networkConfiguration struct {
	CNIVersion string          `json:"cniVersion"`
	Socket     string          `json:"socket"`
	PrevResult json.RawMessage `json:"prevResult"`
}

// plugin is one call of the container runtime: it announces the pod's address and passes the result of the plugins before it on.
func plugin(command string, in io.Reader, out io.Writer) error {
	var configuration networkConfiguration
	if err := json.NewDecoder(in).Decode(&configuration); err != nil {
		return err
	}
	switch command {
	case "VERSION":
		_, err := fmt.Fprintf(out, `{"cniVersion": %q, "supportedVersions": ["0.3.1", "0.4.0", "1.0.0"]}`, configuration.CNIVersion)
		return err
	case "ADD":
	default:
		return nil
	}
	var result struct {
		IPs []struct {
			Address string `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal(configuration.PrevResult, &result); err != nil {
		return err
	}
	if len(result.IPs) == 0 {
		return errors.New("the pod has no address")
	}
	pod := announcement{}
	for _, argument := range strings.Split(os.Getenv("CNI_ARGS"), ";") {
		name, value, _ := strings.Cut(argument, "=")
		switch name {
		case "K8S_POD_NAMESPACE":
			pod.Namespace = value
		case "K8S_POD_NAME":
			pod.Name = value
		case "K8S_POD_UID":
			pod.UID = value
		}
	}
	pod.Address, _, _ = strings.Cut(result.IPs[0].Address, "/")
	connection, err := net.DialTimeout("unix", configuration.Socket, 5*time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if err := json.NewEncoder(connection).Encode(pod); err != nil {
		return err
	}
	var answer string
	if err := json.NewDecoder(connection).Decode(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return errors.New(answer)
	}
	_, err = out.Write(configuration.PrevResult)
	return err
}

// refuse reports an error as the specification of CNI wants it.
func refuse(err error, out io.Writer) int {
	_ = json.NewEncoder(out).Encode(map[string]any{"cniVersion": "0.4.0", "code": 100, "msg": err.Error()})
	return 1
}
