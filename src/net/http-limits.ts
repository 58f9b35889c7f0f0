/** Everything that bounds the HTTP server, whoever serves on it. */
export interface HttpServerLimits {
  /** Open connections; further ones are closed at once and counted. */
  connectionsMax: number
  /** All headers of one request together. */
  headerBytesMax: number
  /** Longest time for the headers of a request to arrive. */
  headersMs: number
  /** Longest silence within a body while the server is waiting for more of it. */
  bodyIdleMs: number
  /** Largest body that a route takes which reads it whole. Routes that stream have limits of their own. */
  bodyBytesMax: number
  /** How much of a body is still read and thrown away after its request was answered, so that the answer gets through. */
  discardBytesMax: number
  /** How long an idle connection is kept. */
  keepAliveMs: number
  /** How long closing waits for requests that are under way before it cuts them off. */
  closeMs: number
}

export const HTTP_SERVER_LIMITS: HttpServerLimits = {
  connectionsMax: 20_000,
  headerBytesMax: 16 * 1024,
  headersMs: 10_000,
  bodyIdleMs: 30_000,
  bodyBytesMax: 1024 * 1024,
  discardBytesMax: 64 * 1024 * 1024,
  keepAliveMs: 72_000,
  closeMs: 8000,
}
