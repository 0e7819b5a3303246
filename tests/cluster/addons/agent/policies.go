// Copyright (c) 2026, vdsg.jupyterhub contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// A pod that is about to start, as the CNI plugin announces it.
type announcement struct{ Namespace, Name, UID, Address string }

// The enforcer keeps the rules of the table true to the policies.
type enforcer struct {
	table, pods string
	factory     informers.SharedInformerFactory
	dirty       chan struct{}
	lock        sync.Mutex
	announced   map[string]announcement
	applied     string
}

func newEnforcer(client kubernetes.Interface, table, pods string) *enforcer {
	return &enforcer{table: table, pods: pods, factory: informers.NewSharedInformerFactory(client, 0), dirty: make(chan struct{}, 1),
		announced: map[string]announcement{}}
}

func (e *enforcer) run(ctx context.Context, socket string) error {
	for _, informer := range []cache.SharedIndexInformer{
		e.factory.Core().V1().Pods().Informer(), e.factory.Core().V1().Namespaces().Informer(), e.factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { e.touch() }, UpdateFunc: func(any, any) { e.touch() }, DeleteFunc: func(any) { e.touch() },
		}); err != nil {
			return err
		}
	}
	e.factory.Start(ctx.Done())
	e.factory.WaitForCacheSync(ctx.Done())
	if err := e.apply(); err != nil {
		return err
	}
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	go e.listen(listener)
	log.Print("policies are enforced")
	// Whoever flushes the machine's rules takes ours away, too.
	again := time.NewTicker(15 * time.Second)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
			e.lock.Lock()
			e.applied = ""
			e.lock.Unlock()
			e.touch()
		case <-e.dirty:
			if err := e.apply(); err != nil {
				log.Print(err)
				time.AfterFunc(time.Second, e.touch)
			}
		}
	}
}

func (e *enforcer) touch() {
	select {
	case e.dirty <- struct{}{}:
	default:
	}
}

// world reads the caches. An announced address is newer than the one in the pod's status, as long as it is the same pod.
func (e *enforcer) world() world {
	w := world{addresses: map[string]string{}, namespaces: map[string]labels.Set{}}
	pods, _ := e.factory.Core().V1().Pods().Lister().List(labels.Everything())
	sort.Slice(pods, func(i, j int) bool { return key(pods[i]) < key(pods[j]) })
	for _, pod := range pods {
		if pod.Spec.HostNetwork || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed {
			continue
		}
		w.pods = append(w.pods, pod)
		w.addresses[key(pod)] = pod.Status.PodIP
		if early, known := e.announced[key(pod)]; known && early.UID == string(pod.UID) {
			w.addresses[key(pod)] = early.Address
		}
	}
	namespaces, _ := e.factory.Core().V1().Namespaces().Lister().List(labels.Everything())
	for _, namespace := range namespaces {
		w.namespaces[namespace.Name] = namespace.Labels
	}
	w.policies, _ = e.factory.Networking().V1().NetworkPolicies().Lister().List(labels.Everything())
	sort.Slice(w.policies, func(i, j int) bool { return key(w.policies[i]) < key(w.policies[j]) })
	return w
}

func (e *enforcer) apply() error {
	e.lock.Lock()
	defer e.lock.Unlock()
	text := ruleset(e.table, e.pods, e.world())
	if text == e.applied {
		return nil
	}
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(text)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft refuses the rules: %w\n%s\n%s", err, output, text)
	}
	e.applied = text
	return nil
}

// listen answers each announcement after its rules are in force, so that no container of the pod runs without them.
func (e *enforcer) listen(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			var pod announcement
			if json.NewDecoder(connection).Decode(&pod) != nil {
				return
			}
			answer := "ok"
			if err := e.announce(pod); err != nil {
				log.Print(err)
				answer = err.Error()
			}
			_ = json.NewEncoder(connection).Encode(answer)
		}()
	}
}

func (e *enforcer) announce(pod announcement) error {
	end := time.Now().Add(10 * time.Second)
	for {
		known, err := e.factory.Core().V1().Pods().Lister().Pods(pod.Namespace).Get(pod.Name)
		if err == nil && string(known.UID) == pod.UID {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("pod %s/%s (%s) is not known", pod.Namespace, pod.Name, pod.UID)
		}
		time.Sleep(20 * time.Millisecond)
	}
	e.lock.Lock()
	for name, early := range e.announced {
		namespace, pod, _ := strings.Cut(name, "/")
		if known, err := e.factory.Core().V1().Pods().Lister().Pods(namespace).Get(pod); err != nil || string(known.UID) != early.UID {
			delete(e.announced, name)
		}
	}
	e.announced[pod.Namespace+"/"+pod.Name] = pod
	e.lock.Unlock()
	return e.apply()
}
