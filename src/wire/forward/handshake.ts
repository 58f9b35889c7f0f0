import { createHash, timingSafeEqual } from 'node:crypto'
import { MsgpackCursor } from '../msgpack/cursor.ts'
import { MsgpackWriter } from '../msgpack/writer.ts'

/** What a client says to be let in (Forward Protocol Specification v1, PING). */
export interface Ping {
  hostname: string
  /** Made by the client. */
  salt: Uint8Array
  sharedKeyDigest: string
  /** Empty without one. */
  username: string
  passwordDigest: string
}

/** What the server has made for one connection. */
export interface Challenge {
  nonce: Uint8Array
  authSalt: Uint8Array
}

export function encodeHelo({ nonce, authSalt }: Challenge): Buffer {
  const writer = new MsgpackWriter(256)
  writer.array(2)
  writer.text('HELO')
  writer.map(3)
  writer.text('nonce')
  writer.binary(nonce)
  writer.text('auth')
  writer.binary(authSalt)
  writer.text('keepalive')
  writer.boolean(true)
  return writer.bytes.subarray(0, writer.at)
}

/** `undefined` when what a `ValueScanner` has found there is no PING. */
export function decodePing(bytes: Buffer, at: number): Ping | undefined {
  const cursor = new MsgpackCursor().move(bytes, at)
  if (cursor.array() !== 6 || cursor.string() !== 'PING') return undefined
  const hostname = cursor.string()
  if (!cursor.text()) return undefined
  const salt = Uint8Array.from(bytes.subarray(cursor.from, cursor.to))
  const [sharedKeyDigest, username, passwordDigest] = [cursor.string(), cursor.string(), cursor.string()]
  if (hostname === undefined || sharedKeyDigest === undefined || username === undefined) return undefined
  return { hostname, salt, sharedKeyDigest, username, passwordDigest: passwordDigest ?? '' }
}

/** `reason` is empty when the client is let in; then the digest shows that the server knows the key as well. */
export function encodePong(pong: { reason: string; hostname: string; sharedKeyDigest: string }): Buffer {
  const writer = new MsgpackWriter(512)
  writer.array(5)
  writer.text('PONG')
  writer.boolean(pong.reason === '')
  writer.text(pong.reason)
  writer.text(pong.hostname)
  writer.text(pong.sharedKeyDigest)
  return writer.bytes.subarray(0, writer.at)
}

export function encodeAck(chunk: string): Buffer {
  const writer = new MsgpackWriter(chunk.length * 3 + 16)
  writer.map(1)
  writer.text('ack')
  writer.text(chunk)
  return writer.bytes.subarray(0, writer.at)
}

/** Of `shared_key`: of the client with its hostname, of the server with its own. */
export function sharedKeyDigest(salt: Uint8Array, hostname: string, nonce: Uint8Array, key: string): string {
  return createHash('sha512').update(salt).update(hostname).update(nonce).update(key).digest('hex')
}

export function passwordDigest(authSalt: Uint8Array, username: string, password: string): string {
  return createHash('sha512').update(authSalt).update(username).update(password).digest('hex')
}

/** Compares digests in constant time. */
export function isSameDigest(given: string, expected: string): boolean {
  const bytes = Buffer.from(given.toLowerCase())
  const wanted = Buffer.from(expected)
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted)
}

/** The client's side: `undefined` when the message is no HELO. */
export function decodeHelo(bytes: Buffer): Challenge | undefined {
  const cursor = new MsgpackCursor().move(bytes, 0)
  if (cursor.array() !== 2 || cursor.string() !== 'HELO') return undefined
  const challenge = { nonce: new Uint8Array(), authSalt: new Uint8Array() }
  for (let left = cursor.map(); left > 0; left--) {
    const name = cursor.string()
    const isText = name !== undefined && cursor.text()
    if (!isText) cursor.skip()
    else if (name === 'nonce') challenge.nonce = Uint8Array.from(bytes.subarray(cursor.from, cursor.to))
    else if (name === 'auth') challenge.authSalt = Uint8Array.from(bytes.subarray(cursor.from, cursor.to))
  }
  return challenge
}

export interface PingInput extends Challenge {
  hostname: string
  salt: Uint8Array
  sharedKey: string
  /** Empty without one. */
  username: string
  password: string
}

export function encodePing({ hostname, salt, nonce, authSalt, sharedKey, username, password }: PingInput): Buffer {
  const writer = new MsgpackWriter(1024)
  writer.array(6)
  writer.text('PING')
  writer.text(hostname)
  writer.binary(salt)
  writer.text(sharedKeyDigest(salt, hostname, nonce, sharedKey))
  writer.text(username)
  writer.text(username === '' ? '' : passwordDigest(authSalt, username, password))
  return writer.bytes.subarray(0, writer.at)
}

export interface Pong {
  isLetIn: boolean
  reason: string
  hostname: string
  sharedKeyDigest: string
}

export function decodePong(bytes: Buffer): Pong | undefined {
  const cursor = new MsgpackCursor().move(bytes, 0)
  if (cursor.array() !== 5 || cursor.string() !== 'PONG' || cursor.kind !== 'boolean') return undefined
  const isLetIn = bytes[cursor.at++] === 0xc3
  const [reason, hostname, digest] = [cursor.string(), cursor.string(), cursor.string()]
  if (hostname === undefined || digest === undefined) return undefined
  return { isLetIn, reason: reason ?? '', hostname, sharedKeyDigest: digest }
}
