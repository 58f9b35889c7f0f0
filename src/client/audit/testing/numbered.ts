/** For tests: records with numbers, and which of them are where. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { decodeEnvelope } from '../../../wire/audit/decode.ts'
import type { AuditRecord } from '../../../wire/audit/record.ts'
import { recordWith } from '../../../wire/audit/testing/records.ts'

export function numbered(number: number): AuditRecord {
  return recordWith({ operationName: `operation ${number}`, type: number % 7 === 0 ? 'ControlPlane' : 'DataPlane' })
}

export function numberOf({ operationName }: AuditRecord): number {
  return Number(operationName.slice('operation '.length))
}

export function numbersOf(records: readonly AuditRecord[]): number[] {
  return records.map(numberOf)
}

/** Numbers of the records in an overflow folder, in order. */
export function numbersIn(dir: string): number[] {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.audit'))
    .sort()
  return names.flatMap((name) => {
    const bytes = readFileSync(join(dir, name))
    const numbers: number[] = []
    for (let at = 0; at < bytes.length; at += 8 + bytes.readUInt32BE(at)) {
      const [message] = decodeEnvelope(bytes, at + 8).messages
      if (message && 'record' in message) numbers.push(numberOf(message.record))
    }
    return numbers
  })
}

/** A folder that is removed after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tailrace-audit-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** 0 … count − 1 */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number)
}
