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
  /** How long a reader may take nothing of an answer that waits for it. */
  answerIdleMs: number
  /** Requests a second from one IPv4 address, or one /64 of IPv6 addresses; further ones are answered 429. */
  requestsPerSecondPerAddressMax: number
  /** Requests a second with one key. */
  requestsPerSecondPerKeyMax: number
  /** What one address may show within a minute that is not valid; what it shows then is not looked at any more. */
  failuresPerMinuteMax: number
  /** Addresses, and keys, whose rates are remembered. Those that were not seen for the longest time are forgotten. */
  rateNamesMax: number
  /** Largest body of a signed request, which is checked before it is used. */
  signedBodyBytesMax: number
  /** Memory for all signed bodies together. */
  signedBytesMax: number
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
  answerIdleMs: 120_000,
  requestsPerSecondPerAddressMax: 20_000,
  requestsPerSecondPerKeyMax: 10_000,
  failuresPerMinuteMax: 60,
  rateNamesMax: 10_000,
  signedBodyBytesMax: 16 * 1024 * 1024,
  signedBytesMax: 128 * 1024 * 1024,
  closeMs: 8000,
}
