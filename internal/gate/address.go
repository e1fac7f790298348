package gate

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// hostsOf lists the Host headers that a base URL answers to. One on loopback
// answers to every name of loopback with its port, because people type all of
// them.
func hostsOf(base *url.URL) map[string]bool {
	hosts := map[string]bool{}
	port := base.Port()
	usual := map[string]string{"http": "80", "https": "443"}[base.Scheme]
	add := func(name string) {
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		if port != "" {
			hosts[name+":"+port] = true
		}
		if port == "" || port == usual {
			hosts[name], hosts[name+":"+usual] = true, true
		}
	}
	name := strings.ToLower(base.Hostname())
	add(name)
	if ip, err := netip.ParseAddr(name); name == "localhost" || err == nil && ip.IsLoopback() {
		for _, n := range []string{"localhost", "127.0.0.1", "::1"} {
			add(n)
		}
	}
	return hosts
}

// clientAddress is where a request comes from. X-Forwarded-For is read from
// its right end, and only as far as listed proxies wrote it: what stands left
// of the first foreign address is hearsay.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	at := parseAddress(r.RemoteAddr)
	listed := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	if !listed(at) {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a := parseAddress(strings.TrimSpace(hop))
		if !a.IsValid() {
			return at
		}
		at = a
		if !listed(at) {
			return at
		}
	}
	return at
}

// parseAddress reads an address with or without a port; the zero Addr when it
// is none. IPv4 in IPv6 comes out as IPv4, zones are dropped.
func parseAddress(s string) netip.Addr {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
