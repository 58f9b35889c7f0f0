/**
 * Many datagrams with one call of the kernel: `recvmmsg` of Linux, which Node does not offer. A datagram that Node reads
 * costs about seven times as much, most of it for memory of its own. Only numbers go to the C library and back: what the
 * kernel writes to lies in buffers that live as long as the receiver.
 */
import { createRequire } from 'node:module'
import { endianness } from 'node:os'
import type * as FfiRs from 'ffi-rs'

/** Datagrams of one call. */
export const BULK_PACKETS_MAX = 128

export type OnPacket = (bytes: Buffer, address: string, port: number) => void

export interface BulkReceiver {
  /** Reads what has arrived, `BULK_PACKETS_MAX` at most, and returns how many. The bytes are those of the next call, too. */
  receive(onPacket: OnPacket): number
  /** Asks for a larger buffer than others may have, which takes the right to (CAP_NET_ADMIN). */
  forceReceiveBuffer(bytes: number): void
}

/** Room for the largest datagram there is. Of what is never written to no memory is taken. */
const SLOT_BYTES = 65_536
/** Of C structures on 64-bit Linux: sockaddr_in, iovec, mmsghdr and where its parts are. */
const NAME_BYTES = 16
const IOVEC_BYTES = 16
const MESSAGE_BYTES = 64
const AT_NAME_LENGTH = 8
const AT_IOVEC = 16
const AT_IOVEC_COUNT = 24
const AT_RECEIVED = 56
const AT_PORT = 2
const AT_ADDRESS = 4
const MSG_DONTWAIT = 0x40
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33

const LIBRARY = 'libc'
const PATH = 'libc.so.6'

/** `undefined` where there is none: other systems, or a C library that is not found. For IPv4 sockets. */
export function openBulk(fd: number): BulkReceiver | undefined {
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) && endianness() === 'LE'
  if (!isKnown || fd < 0) return undefined
  try {
    const ffi = createRequire(import.meta.url)('ffi-rs') as typeof FfiRs
    ffi.open({ library: LIBRARY, path: PATH })
    return createReceiver(ffi, fd)
  } catch {
    // An optional package, or a system without this library: datagrams are read one by one.
    return undefined
  }
}

/** Where the parts are in the one piece of memory: what the kernel is told about lives exactly as long as the rest. */
const MESSAGES_AT = 0
const IOVECS_AT = MESSAGES_AT + BULK_PACKETS_MAX * MESSAGE_BYTES
const NAMES_AT = IOVECS_AT + BULK_PACKETS_MAX * IOVEC_BYTES
const SLOTS_AT = NAMES_AT + BULK_PACKETS_MAX * NAME_BYTES
const MEMORY_BYTES = SLOTS_AT + BULK_PACKETS_MAX * SLOT_BYTES

function createReceiver(ffi: typeof FfiRs, fd: number): BulkReceiver {
  const { I32, I64, U8Array } = ffi.DataType
  const memory = Buffer.allocUnsafeSlow(MEMORY_BYTES)
  const address = addressOf(ffi, memory)
  writeHeads(memory, BigInt(address))
  const receive = {
    library: LIBRARY,
    funcName: 'recvmmsg',
    retType: I32,
    paramsType: [I32, I64, I32, I32, I64],
    paramsValue: [fd, address + MESSAGES_AT, BULK_PACKETS_MAX, MSG_DONTWAIT, 0],
  }
  const senderText = createSenderText()
  return {
    receive(onPacket) {
      // Below 0: nothing is there.
      const count = Math.max(0, Number(ffi.load(receive)))
      for (let slot = 0; slot < count; slot++) {
        const start = SLOTS_AT + slot * SLOT_BYTES
        const length = memory.readUInt32LE(MESSAGES_AT + slot * MESSAGE_BYTES + AT_RECEIVED)
        const name = NAMES_AT + slot * NAME_BYTES
        const sender = senderText(memory.readUInt32BE(name + AT_ADDRESS))
        onPacket(memory.subarray(start, start + length), sender, memory.readUInt16BE(name + AT_PORT))
      }
      return count
    },
    forceReceiveBuffer(size) {
      const value = Buffer.allocUnsafeSlow(4)
      value.writeInt32LE(size)
      ffi.load({
        library: LIBRARY,
        funcName: 'setsockopt',
        retType: I32,
        paramsType: [I32, I32, I32, U8Array, I32],
        paramsValue: [fd, SOL_SOCKET, SO_RCVBUFFORCE, value, value.length],
      })
    },
  }
}

/** Where the memory of a buffer is: it does not move. */
function addressOf({ load, DataType: { I64, U8Array } }: typeof FfiRs, buffer: Buffer): number {
  return load({
    library: LIBRARY,
    funcName: 'memmove',
    retType: I64,
    paramsType: [U8Array, U8Array, I64],
    paramsValue: [buffer, buffer, 0],
  })
}

/** Tells the kernel where each datagram and the address of its sender go to. */
function writeHeads(memory: Buffer, address: bigint): void {
  memory.fill(0, 0, SLOTS_AT)
  for (let slot = 0; slot < BULK_PACKETS_MAX; slot++) {
    const message = MESSAGES_AT + slot * MESSAGE_BYTES
    const iovec = IOVECS_AT + slot * IOVEC_BYTES
    memory.writeBigInt64LE(address + BigInt(NAMES_AT + slot * NAME_BYTES), message)
    memory.writeInt32LE(NAME_BYTES, message + AT_NAME_LENGTH)
    memory.writeBigInt64LE(address + BigInt(iovec), message + AT_IOVEC)
    memory.writeBigInt64LE(1n, message + AT_IOVEC_COUNT)
    memory.writeBigInt64LE(address + BigInt(SLOTS_AT + slot * SLOT_BYTES), iovec)
    memory.writeBigInt64LE(BigInt(SLOT_BYTES), iovec + 8)
  }
}

/** IPv4 addresses as texts. Mostly the same sends several times in turn. */
function createSenderText(): (address: number) => string {
  let known = 0
  let text = '0.0.0.0'
  return (address) => {
    if (address !== known) {
      known = address
      text = `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
    }
    return text
  }
}
