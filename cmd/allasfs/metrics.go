package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"allasfs/fs"
)

const (
	loopback = "127.0.0.1" // where nobody from outside can ask
	// A scrape is a few kilobytes; whoever takes longer than this is cut off.
	scrapeTime = 10 * time.Second
)

// metricsServer answers scrapes for a mount. A nil one does nothing.
type metricsServer struct {
	listener net.Listener
	server   *http.Server
	work     sync.WaitGroup
}

// listenMetrics takes the port, so that one which is in use is an error before there is a mount. An empty address is no
// server.
func listenMetrics(address string) (*metricsServer, error) {
	if address == "" {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return nil, hint(fmt.Errorf("--metrics %s is not an address", address), "write HOST:PORT, like 127.0.0.1:9465")
	}
	if host == "" {
		host = loopback
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, hint(fmt.Errorf("--metrics: %w", err), "name another port, or another address of this machine")
	}
	return &metricsServer{listener: listener}, nil
}

// serve begins to answer.
func (m *metricsServer) serve(mount *fs.Mount, log *slog.Logger) {
	if m == nil {
		return
	}
	m.server = &http.Server{
		Handler: metricsHandler(mount.Status), ReadTimeout: scrapeTime, WriteTimeout: scrapeTime,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	log.Info("metrics are served", "url", fmt.Sprintf("http://%s/metrics", m.listener.Addr()))
	m.work.Go(func() {
		if err := m.server.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics aren't served any more", "cause", err)
		}
	})
}

// close ends the server, after the scrape under way.
func (m *metricsServer) close() {
	if m == nil {
		return
	}
	if m.server == nil {
		m.listener.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if m.server.Shutdown(ctx) != nil {
		m.server.Close()
	}
	m.work.Wait()
}

// metricsHandler answers with what status returns, and with what the process and the Go runtime take.
func metricsHandler(status func() fs.Status) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		&statusCollector{status},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
