/** What the kernel counts about UDP, of all sockets of this machine. Linux only: /proc/net/snmp. */
import { readFileSync } from 'node:fs'

export interface UdpCounters {
  inDatagrams: number
  /** Datagrams that found a receive buffer full. */
  receiveBufferErrors: number
  /** Sends that found a send buffer full. */
  sendBufferErrors: number
  noPorts: number
}

export function udpCounters(): UdpCounters {
  const lines = readFileSync('/proc/net/snmp', 'utf8').split('\n')
  const [names = [], values = []] = lines.filter((line) => line.startsWith('Udp: ')).map((line) => line.split(' '))
  const value = (name: string): number => Number(values[names.indexOf(name)] ?? NaN)
  return {
    inDatagrams: value('InDatagrams'),
    receiveBufferErrors: value('RcvbufErrors'),
    sendBufferErrors: value('SndbufErrors'),
    noPorts: value('NoPorts'),
  }
}

export function countersSince(before: UdpCounters): UdpCounters {
  const now = udpCounters()
  return {
    inDatagrams: now.inDatagrams - before.inDatagrams,
    receiveBufferErrors: now.receiveBufferErrors - before.receiveBufferErrors,
    sendBufferErrors: now.sendBufferErrors - before.sendBufferErrors,
    noPorts: now.noPorts - before.noPorts,
  }
}
