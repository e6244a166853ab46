/** `GET /metrics` on this machine, for Prometheus to scrape. */
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Metrics } from "effect-ollama"
import { createServer } from "node:http"

const router = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/metrics",
    Effect.map(Metrics.prometheus, (text) => HttpServerResponse.text(text, { contentType: Metrics.contentType }))
  )
)

/** Port 0 is one that is free: `HttpServer.HttpServer` knows which. */
export const metricsServer = (port: number) =>
  HttpServer.serve(router).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" })))
