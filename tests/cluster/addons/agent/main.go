// Copyright (c) 2026, vdsg.jupyterhub contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Agent is what a cluster of one node needs beside Kubernetes itself: it enforces NetworkPolicies and provisions local volumes.
// Called by the container runtime, with CNI_COMMAND set, it is the last plugin of the pod network and talks to the agent that runs.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	if command := os.Getenv("CNI_COMMAND"); command != "" {
		if err := plugin(command, os.Stdin, os.Stdout); err != nil {
			os.Exit(refuse(err, os.Stdout))
		}
		return
	}
	kubeconfig := flag.String("kubeconfig", "", "of the agent's account")
	node := flag.String("node", "", "name of this node")
	pods := flag.String("pods", "", "the range of the pods' addresses")
	table := flag.String("table", "", "name of the nftables table, which is ours alone")
	socket := flag.String("socket", "", "where the CNI plugin announces pods")
	provisioner := flag.String("provisioner", "", "name that storage classes know the provisioner by")
	volumes := flag.String("volumes", "", "directory of the volumes")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	config.QPS, config.Burst = 50, 100
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	go provision(ctx, client, *provisioner, local{root: *volumes, node: *node})
	if err := newEnforcer(client, *table, *pods).run(ctx, *socket); err != nil {
		log.Fatal(err)
	}
}
