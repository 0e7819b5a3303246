// Copyright (c) 2026, vdsg.jupyterhub contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net"
	"sort"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// What the rules are made from.
type world struct {
	pods       []*core.Pod
	addresses  map[string]string // of pods, by key
	namespaces map[string]labels.Set
	policies   []*networking.NetworkPolicy
}

func key(object meta.Object) string { return object.GetNamespace() + "/" + object.GetName() }

// ruleset returns the whole table as nftables reads it; one transaction replaces the old one.
//
// A pod that a policy selects has a chain: what is allowed returns from it, the rest is dropped. The node itself reaches every pod, as in any cluster.
func ruleset(table, podRange string, w world) string {
	var chains strings.Builder
	maps := map[networking.PolicyType][]string{}
	for _, pod := range w.pods {
		address := w.addresses[key(pod)]
		if address == "" {
			continue
		}
		for _, direction := range []networking.PolicyType{networking.PolicyTypeIngress, networking.PolicyTypeEgress} {
			rules, isolated := w.allowed(pod, direction)
			if !isolated {
				continue
			}
			name := fmt.Sprintf("%s_%s", strings.ToLower(string(direction)), strings.ReplaceAll(address, ".", "_"))
			maps[direction] = append(maps[direction], address+" : jump "+name)
			fmt.Fprintf(&chains, "  chain %s {\n    # %s\n", name, key(pod))
			for _, rule := range rules {
				fmt.Fprintf(&chains, "    %s return\n", rule)
			}
			chains.WriteString("    counter drop\n  }\n")
		}
	}
	vmap := func(match string, direction networking.PolicyType) string {
		if len(maps[direction]) == 0 {
			return ""
		}
		sort.Strings(maps[direction])
		return fmt.Sprintf("    %s vmap { %s }\n", match, strings.Join(maps[direction], ", "))
	}
	egress, ingress := vmap("ip saddr", networking.PolicyTypeEgress), vmap("ip daddr", networking.PolicyTypeIngress)
	var text strings.Builder
	fmt.Fprintf(&text, "table ip %s\ndelete table ip %s\ntable ip %s {\n%s", table, table, table, chains.String())
	// A pod that sends with an address that is not its own gets no further.
	fmt.Fprintf(&text, "  chain source {\n    type filter hook prerouting priority raw; policy accept;\n")
	fmt.Fprintf(&text, "    ip saddr %s fib saddr . iif oif missing drop\n  }\n", podRange)
	fmt.Fprintf(&text, "  chain forward {\n    type filter hook forward priority filter - 5; policy accept;\n    ct state established,related accept\n%s%s  }\n", egress, ingress)
	fmt.Fprintf(&text, "  chain input {\n    type filter hook input priority filter - 5; policy accept;\n    ct state established,related accept\n%s  }\n", egress)
	fmt.Fprintf(&text, "  chain outside {\n    type nat hook postrouting priority srcnat; policy accept;\n    ip saddr %s ip daddr != %s masquerade\n  }\n}\n", podRange, podRange)
	return text.String()
}

// allowed returns the matches of the traffic that policies allow a pod, and whether any policy selects it at all.
func (w world) allowed(pod *core.Pod, direction networking.PolicyType) ([]string, bool) {
	var rules []string
	isolated := false
	for _, policy := range w.policies {
		if policy.Namespace != pod.Namespace || !selects(&policy.Spec.PodSelector, pod.Labels) || !has(policy.Spec.PolicyTypes, direction) {
			continue
		}
		isolated = true
		if direction == networking.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				rules = append(rules, w.matches("ip saddr", policy.Namespace, rule.From, rule.Ports, pod)...)
			}
			continue
		}
		for _, rule := range policy.Spec.Egress {
			rules = append(rules, w.matches("ip daddr", policy.Namespace, rule.To, rule.Ports, nil)...)
		}
	}
	return rules, isolated
}

// matches returns one line for each pair of peer and port. Named ports are those of the receiving pod: `receiver`, or each peer where that is nil.
func (w world) matches(side, namespace string, peers []networking.NetworkPolicyPeer, ports []networking.NetworkPolicyPort, receiver *core.Pod) []string {
	var lines []string
	for _, port := range orAny(ports) {
		protocol := "tcp"
		if port.Protocol != nil {
			protocol = strings.ToLower(string(*port.Protocol))
		}
		named := port.Port != nil && port.Port.StrVal != ""
		if named && receiver == nil {
			for _, pod := range w.selected(namespace, peers) {
				for _, number := range numbers(pod, port.Port.StrVal, protocol) {
					lines = append(lines, fmt.Sprintf("%s %s %s dport %d", side, w.addresses[key(pod)], protocol, number))
				}
			}
			continue
		}
		var matches []string
		switch {
		case len(ports) == 0:
			matches = []string{""}
		case port.Port == nil:
			matches = []string{"ip protocol " + protocol}
		case named:
			for _, number := range numbers(receiver, port.Port.StrVal, protocol) {
				matches = append(matches, fmt.Sprintf("%s dport %d", protocol, number))
			}
		case port.EndPort != nil:
			matches = []string{fmt.Sprintf("%s dport %d-%d", protocol, port.Port.IntVal, *port.EndPort)}
		default:
			matches = []string{protocol + " dport " + strconv.Itoa(int(port.Port.IntVal))}
		}
		for _, match := range matches {
			for _, peer := range w.sources(side, namespace, peers) {
				lines = append(lines, strings.TrimSpace(peer+" "+match))
			}
		}
	}
	return lines
}

// sources returns the matches of the other side's address; no peers means anybody, which matches all.
func (w world) sources(side, namespace string, peers []networking.NetworkPolicyPeer) []string {
	if len(peers) == 0 {
		return []string{""}
	}
	var matches, addresses []string
	for _, peer := range peers {
		if peer.IPBlock == nil {
			continue
		}
		if _, block, err := net.ParseCIDR(peer.IPBlock.CIDR); err != nil || block.IP.To4() == nil {
			continue
		}
		match := side + " " + peer.IPBlock.CIDR
		for _, except := range peer.IPBlock.Except {
			match += fmt.Sprintf(" %s != %s", side, except)
		}
		matches = append(matches, match)
	}
	for _, pod := range w.selected(namespace, peers) {
		addresses = append(addresses, w.addresses[key(pod)])
	}
	if len(peers) > 0 && len(addresses) > 0 {
		matches = append(matches, fmt.Sprintf("%s { %s }", side, strings.Join(addresses, ", ")))
	}
	return matches
}

// selected returns the pods with an address that peers name by labels; without peers, all of them.
func (w world) selected(namespace string, peers []networking.NetworkPolicyPeer) []*core.Pod {
	var pods []*core.Pod
	for _, pod := range w.pods {
		if w.addresses[key(pod)] == "" {
			continue
		}
		chosen := len(peers) == 0
		for _, peer := range peers {
			if peer.IPBlock != nil {
				continue
			}
			here := pod.Namespace == namespace
			if peer.NamespaceSelector != nil {
				here = selects(peer.NamespaceSelector, w.namespaces[pod.Namespace])
			}
			chosen = chosen || here && (peer.PodSelector == nil || selects(peer.PodSelector, pod.Labels))
		}
		if chosen {
			pods = append(pods, pod)
		}
	}
	return pods
}

// An empty list of ports stands for any port.
func orAny(ports []networking.NetworkPolicyPort) []networking.NetworkPolicyPort {
	if len(ports) == 0 {
		return []networking.NetworkPolicyPort{{}}
	}
	return ports
}

func numbers(pod *core.Pod, name, protocol string) []int32 {
	var found []int32
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name && strings.EqualFold(string(port.Protocol), protocol) {
				found = append(found, port.ContainerPort)
			}
		}
	}
	return found
}

func has(types []networking.PolicyType, wanted networking.PolicyType) bool {
	for _, each := range types {
		if each == wanted {
			return true
		}
	}
	return false
}

func selects(selector *meta.LabelSelector, of map[string]string) bool {
	parsed, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(of))
}
