import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventBatch, EventView } from '../../core/batch.ts'
import type { LogEvent } from '../../core/event.ts'
import { FieldWriter } from '../forward/field-writer.ts'
import { ForwardRows } from '../forward/rows.ts'
import { MsgpackCursor } from '../msgpack/cursor.ts'
import { ValueScanner } from '../msgpack/scanner.ts'
import { FieldTable } from '../transcode/field-table.ts'
import { EVENT_LIMITS } from '../transcode/limits.ts'
import { eventDefaults } from '../transcode/row-writer.ts'
import { parseAddress, type AddressKind } from './address.ts'
import { decodeEnvelope } from './decode.ts'
import { encodeMessage, writeDiagnostic, writeHeartbeat, writeRecord } from './encode.ts'
import { AuditFields } from './fields.ts'
import { cloneRecord, type AuditRecord } from './record.ts'
import { anyRecord, GOLDEN_HEX, GOLDEN_RECORD, GOLDEN_SECONDS, recordWith } from './testing/records.ts'
import { invalidReason } from './validate.ts'
import { CATEGORIES, IDENTITY_TYPES, RESULTS, TYPES } from './words.ts'

const encoded = (record: AuditRecord): Buffer => encodeMessage((writer) => writeRecord(writer, record, GOLDEN_SECONDS))
const decoded = (bytes: Buffer): AuditRecord => {
  const [message] = decodeEnvelope(bytes).messages
  return message && 'record' in message ? message.record : expect.unreachable()
}

const ORIGIN = {
  tag: 'AsmAuditDP',
  isAudit: true,
  defaults: eventDefaults({ service: 'audit/AsmAuditDP', host: 'h', source: 'forward' }),
}

/** What the server makes of a record's bytes. */
function stored(bytes: Buffer): { event: LogEvent; reason: string | undefined } {
  const rows = new ForwardRows({ ...EVENT_LIMITS, lineBytesMax: 16 * 1024 * 1024, keyBytesMax: 1024 * 1024 })
  const batch = new EventBatch()
  rows.cursor.move(bytes, 13)
  const fault = rows.entry(ORIGIN, batch)
  expect(fault).toBeUndefined()
  const event = new EventView().at(batch.bytes, 0).toEvent()
  return { event, reason: rows.auditReason }
}

test.each<[string, unknown]>([
  ['texts', { OperationCategories: Array(1_000_000).fill('') }],
  ['maps', { CallerIdentities: { UPN: Array.from({ length: 1_000_000 }, () => ({})) } }],
])('a list of a million empty %s is too long, and takes no memory', (_what, record) => {
  const writer = new FieldWriter(new FieldTable(EVENT_LIMITS.keysMax), EVENT_LIMITS)
  expect(new AuditFields(writer).read(new MsgpackCursor().move(Buffer.from(encode(record)), 0))).toBe(false)
  expect(writer.fault).toBe('line_too_long')
  expect(writer.bytes.length).toBeLessThan(3 * EVENT_LIMITS.lineBytesMax)
})

describe('bytes', () => {
  test('are those of the original', () => {
    expect(encoded(GOLDEN_RECORD).toString('hex')).toBe(GOLDEN_HEX)
  })

  test('of a control plane record differ in the tag only', () => {
    expect(encoded(recordWith({ type: 'ControlPlane' })).toString('hex')).toBe(GOLDEN_HEX.replace('4450', '4350'))
  })

  test('categories are sorted by number, access levels by their bytes; each stands once, and the caller’s stay', () => {
    const record = recordWith({
      operationCategories: ['Authentication', 'UserManagement', 'Authentication'],
      callerAccessLevels: ['Level2', 'Level1', 'Level2'],
    })
    const copy = structuredClone(record)
    expect(encoded(record).toString('hex')).toBe(GOLDEN_HEX)
    expect(record).toEqual(copy)
    expect(encoded(record).toString('hex')).toBe(GOLDEN_HEX)
  })

  test('words are found in any case and by number; others are number 0, and numbers without word show it', () => {
    const record = recordWith({
      operationCategories: ['authentication' as 'EUII', 2, 1000, 'No such' as 'EUII'],
      operationType: 'READ' as 'Read',
      operationResult: 9,
      callerIdentities: { upn: [{ identity: 'a', description: 'b' }] } as AuditRecord['callerIdentities'],
    })
    expect(decoded(encoded(record))).toMatchObject({
      operationCategories: ['UnknownOperationCategory', 'UserManagement', 'Authentication', 'OperationCategory(1000)'],
      operationType: 'Read',
      operationResult: 'OperationResult(9)',
      callerIdentities: { UPN: [{ identity: 'a', description: 'b' }] },
    })
  })

  test('access levels of other planes come last, as in UTF-8', () => {
    const callerAccessLevels = ['\u{1f600}', '\uff5e', 'b', 'a']
    expect(decoded(encoded(recordWith({ callerAccessLevels }))).callerAccessLevels).toEqual([
      'a',
      'b',
      '\uff5e',
      '\u{1f600}',
    ])
  })

  test('version 1 has its key first', () => {
    const bytes = encoded(recordWith({ serviceTreeId: 'id' }))
    expect(bytes.subarray(23, 36).toString('latin1')).toBe('\x8d\xa8env_ikey\xa2id')
  })

  test('of a heartbeat and a diagnostic message', () => {
    const heartbeat = { auditVersion: 'v.0.0.1', osVersion: '6.1', language: 'go1.22', destination: 'TCP' }
    const bytes = encodeMessage((writer) => writeHeartbeat(writer, heartbeat, GOLDEN_SECONDS))
    expect(bytes.toString('latin1')).toBe(
      '\x93\xaaAsmAuditHB\x91\x92\xd3\0\0\0\0\x65\x53\xf1\0\x84\xacAuditVersion\xa7v.0.0.1\xa9OsVersion\xa36.1' +
        '\xa8Language\xa6go1.22\xabDestination\xa3TCP\x81\xaaTimeFormat\xa8DateTime',
    )
    expect(decodeEnvelope(bytes).messages).toEqual([{ type: 'Heartbeat', seconds: GOLDEN_SECONDS, heartbeat }])
    const versionOne = { ...heartbeat, serviceTreeId: 'id' }
    const other = encodeMessage((writer) => writeHeartbeat(writer, versionOne, 1))
    expect(other.indexOf('AsmAuditServiceId')).toBeLessThan(other.indexOf('AuditVersion'))
    expect(decodeEnvelope(other).messages).toEqual([{ type: 'Heartbeat', seconds: 1, heartbeat: versionOne }])
    expect(decodeEnvelope(encodeMessage((writer) => writeDiagnostic(writer, 5))).messages).toEqual([
      { type: 'Diagnostic', seconds: 5 },
    ])
  })

  test.each<[string, unknown, string]>([
    ['an integer', 7, 'd30000000000000007'],
    ['a negative one', -1, 'd3ffffffffffffffff'],
    ['a float', 1.5, 'cb3ff8000000000000'],
    ['a BigInt', 2n ** 63n, 'cf8000000000000000'],
    ['a second', new Date(1_700_000_000_000), 'd6ff6553f100'],
    ['a millisecond', new Date(1_700_000_000_001), 'd7ff003d09006553f100'],
    ['before 1970', new Date(-1), 'c70cff3b8b87c0ffffffffffffffff'],
    ['bytes', Uint8Array.of(1, 2), 'c4020102'],
    ['a map', new Map([['a', true]]), '81a161c3'],
    ['what has toJSON', { toJSON: () => [null] }, '91c0'],
    ['undefined in a list', [undefined], '91c0'],
    ['undefined in an object', { a: undefined }, '80'],
  ])('custom data: %s', (_what, value, hex) => {
    const bytes = encoded(recordWith({ customData: { k: value } })).toString('hex')
    expect(bytes).toContain(`aa437573746f6d4461746181a16b${hex}af546172676574`)
  })

  test.each<[string, unknown]>([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['65 bits', 2n ** 64n],
  ])('custom data cannot have %s', (_what, value) => {
    expect(() => encoded(recordWith({ customData: { k: value } }))).toThrow(TypeError)
  })

  test('custom data that contain themselves are refused', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(() => encoded(recordWith({ customData: circle }))).toThrow('more than 64 levels')
  })
})

function other(change: object): AuditRecord {
  return { ...GOLDEN_RECORD, ...change }
}

describe('what is wrong with a record, first of all', () => {
  test.each<[string | undefined, AuditRecord]>([
    [undefined, GOLDEN_RECORD],
    ['audit type (AsmAuditHB) is invalid', other({ type: 'Heartbeat' })],
    ['audit type (ATUnknown) is invalid', other({ type: undefined })],
    ['service tree ID is required', other({ serviceTreeId: '', operationName: '' })],
    ['operation name is required', other({ operationName: '', operationCategories: [] })],
    ['at least one operation category is required', other({ operationCategories: [] })],
    ['at least one operation category is required', other({ operationCategories: undefined })],
    [
      'operation category description is required for category OCOther',
      other({ operationCategories: ['EUII', 'OCOther'] }),
    ],
    [undefined, other({ operationCategories: ['OCOther'], operationCategoryDescription: 'd' })],
    [
      'operation result description is required for failed operations',
      other({ operationResult: 'Failure', operationResultDescription: '' }),
    ],
    [undefined, other({ operationResult: 'Failure' })],
    ['operation access level is required', other({ operationAccessLevel: '' })],
    ['caller agent is required', other({ callerAgent: '' })],
    ['at least one caller identity is required', other({ callerIdentities: {} })],
    ['at least one identity is required for identity type UPN', other({ callerIdentities: { UPN: [] } })],
    ['identity is required', other({ callerIdentities: { UPN: [{ identity: '', description: '' }] } })],
    ['description is required', other({ callerIdentities: { UPN: [{ identity: 'a', description: '' }] } })],
    [
      'description is required',
      other({
        callerIdentities: {
          UPN: [
            { identity: 'a', description: '' },
            { identity: '', description: 'b' },
          ],
        },
      }),
    ],
    ['caller IP address is required', other({ callerIpAddress: '' })],
    ['caller IP address is required', other({ callerIpAddress: '1.2.3' })],
    ['caller IP address cannot be unspecified', other({ callerIpAddress: '0.0.0.0' })],
    ['caller IP address cannot be loopback', other({ callerIpAddress: '127.0.0.1' })],
    ['caller IP address cannot be loopback', other({ callerIpAddress: '::ffff:127.0.0.1' })],
    ['caller IP address cannot be multicast', other({ callerIpAddress: 'ff02::1' })],
    [undefined, other({ callerIpAddress: '10.0.0.1' })],
    ['at least one caller access level is required', other({ callerAccessLevels: [] })],
    ['caller access level cannot be empty', other({ callerAccessLevels: ['a', ' '] })],
    ['at least one target resource is required', other({ targetResources: {} })],
    ['target resource type cannot be empty', other({ targetResources: { ' ': [{ name: '' }] } })],
    ['target resource name is required', other({ targetResources: { T: [{ name: 'n' }, { name: '' }] } })],
    [undefined, other({ targetResources: { T: [] } })],
    [undefined, other({ operationType: 0, operationName: ' ', callerAgent: ' ' })],
  ])('%s', (reason, record) => {
    expect(invalidReason(record)).toBe(reason)
    if (reason?.startsWith('audit type')) return
    // The server judges by the bytes, and in the same words.
    const bytes = encoded({ ...record, operationCategories: record.operationCategories ?? [] })
    expect(stored(bytes).reason).toBe(reason)
  })
})

test.each<[string, AddressKind, string]>([
  ['10.0.0.1', 'other', '10.0.0.1'],
  ['010.0.0.1', 'invalid', 'invalid IP'],
  ['1.2.3.256', 'invalid', 'invalid IP'],
  ['239.1.1.1', 'multicast', '239.1.1.1'],
  ['2001:DB8:0:0:1:0:0:1', 'other', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', 'other', '2001:db8:0:1:1:1:1:1'],
  ['1::', 'other', '1::'],
  ['::', 'unspecified', '::'],
  ['::%eth0', 'other', '::%eth0'],
  ['::1', 'loopback', '::1'],
  ['fe80::1%eth0', 'other', 'fe80::1%eth0'],
  ['fe80::1%', 'invalid', 'invalid IP'],
  ['::ffff:1.2.3.4', 'other', '::ffff:1.2.3.4'],
  ['::ffff:0102:0304', 'other', '::ffff:1.2.3.4'],
  ['::1.2.3.4', 'other', '::102:304'],
  ['1.2.3.4::', 'invalid', 'invalid IP'],
  ['1:2:3:4:5:6:7:8:9', 'invalid', 'invalid IP'],
  ['1:2:3:4:5:6:7', 'invalid', 'invalid IP'],
  ['1::2::3', 'invalid', 'invalid IP'],
  ['1:2:3:4:5:6:7::8', 'invalid', 'invalid IP'],
  ['12345::', 'invalid', 'invalid IP'],
])('address %s', (given, kind, text) => expect(parseAddress(given)).toEqual({ kind, text }))

test.each([
  [CATEGORIES, 'EUII', 19],
  [IDENTITY_TYPES, 'System', 14],
  [TYPES, 'Delete', 4],
  [RESULTS, 'Failure', 2],
] as const)('words have the numbers of the original', (words, last, number) => {
  expect(words.numberOf(last)).toBe(number)
  expect(words.numberOf(last.toLowerCase())).toBe(number)
  expect(words.wordOf(number)).toBe(last)
  expect(words.wordOf(number + 1)).toMatch(/\(\d+\)$/)
})

function sorted(list: readonly string[]): string[] {
  return [...new Set(list)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** A record as it comes back: sorted, with all fields, integers as numbers where they can be. */
function normal(record: AuditRecord): AuditRecord {
  const texts = ['operationCategoryDescription', 'operationResultDescription'] as const
  const empty = Object.fromEntries(texts.map((field) => [field, record[field] ?? '']))
  const { customData, ...rest } = record
  return {
    ...rest,
    ...empty,
    operationType: record.operationType ?? 'UnknownOperationType',
    operationResult: record.operationResult ?? 'UnknownOperationResult',
    operationCategories: [...new Set(record.operationCategories)].sort(
      (a, b) => CATEGORIES.numberOf(a) - CATEGORIES.numberOf(b),
    ),
    callerAccessLevels: sorted(record.callerAccessLevels),
    callerIpAddress: parseAddress(record.callerIpAddress).text,
    ...(customData && Object.keys(customData).length > 0 && { customData: plain(customData) as object }),
  } as AuditRecord
}

/** Integers that a number holds come back as numbers, times without what a date does not have. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER) {
    return Number(value)
  }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
}

describe('any record', () => {
  test('comes back as it was, and is found by the scanner to the byte', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const bytes = encoded(record)
        expect(decoded(bytes)).toEqual(normal(record))
        const scanner = new ValueScanner({ depthMax: 70, bytesMax: bytes.length })
        expect(scanner.end(bytes, 0, bytes.length)).toBe(bytes.length)
      }),
      { numRuns: 300 },
    )
  })

  test('is judged by the server as by the client, and searchable by its fields', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const { event, reason } = stored(encoded(record))
        expect(reason).toBe(invalidReason(record))
        expect(event.attributes.get('audit.invalid')).toBe(reason)
        expect(event.attributes.get('OperationName') ?? '').toBe(record.operationName)
        expect(event.severity).toBe(reason !== undefined || record.operationResult === 'Failure' ? 13 : 9)
      }),
      { numRuns: 300 },
    )
  })

  test('has a copy that shares nothing with it', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const copy = cloneRecord(record)
        expect(copy).toEqual(record)
        expect(copy.operationCategories).not.toBe(record.operationCategories)
        expect(copy.targetResources).not.toBe(record.targetResources)
      }),
      { numRuns: 50 },
    )
  })
})

test('an event has a field for all that a record says', () => {
  const record = recordWith({
    callerIdentities: {
      UPN: [{ identity: 'ann@example.com', description: 'the user' }],
      ObjectID: [
        { identity: 'o1', description: 'first' },
        { identity: 'o"2', description: 'second' },
      ],
    },
    customData: { request: { id: 7, tags: ['a', 'b'] } },
    operationResult: 'Failure',
  })
  const { event } = stored(encoded(record))
  expect(event).toMatchObject({
    timestampNs: 1_700_000_000_000_000_000n,
    severity: 13,
    service: 'audit/AsmAuditDP',
    message: 'Operation: Read Failure, UPN ann@example.com, 192.168.0.1',
  })
  expect(Object.fromEntries(event.attributes)).toEqual({
    CallerIpAddress: '192.168.0.1',
    'CallerIdentities.UPN': 'ann@example.com',
    'CallerIdentities.UPN.Description': 'the user',
    'CallerIdentities.ObjectID': '["o1","o\\"2"]',
    'CallerIdentities.ObjectID.Description': '["first","second"]',
    OperationCategories: '["UserManagement","Authentication"]',
    'CustomData.request.id': '7',
    'CustomData.request.tags': '["a","b"]',
    'TargetResources.ResourceType': 'Name',
    'TargetResources.ResourceType.Cluster': 'Cluster',
    'TargetResources.ResourceType.DataCenter': 'DataCenter',
    'TargetResources.ResourceType.Region': 'Region',
    CallerAccessLevels: '["Level1","Level2"]',
    OperationAccessLevel: 'AccessLevel',
    OperationName: 'Operation',
    OperationResultDescription: 'ResultDescription',
    CallerAgent: 'Agent',
    OperationType: 'Read',
    OperationResult: 'Failure',
  })
})
