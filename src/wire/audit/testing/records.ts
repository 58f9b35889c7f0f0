/** For tests: a record that is valid, the bytes of the original for it, and records of any kind. */
import fc from 'fast-check'
import type { AuditRecord } from '../record.ts'
import {
  CALLER_IDENTITY_TYPES,
  OPERATION_CATEGORIES,
  OPERATION_RESULTS,
  OPERATION_TYPES,
  type CallerIdentityType,
} from '../words.ts'

export const GOLDEN_SECONDS = 1_700_000_000

export const GOLDEN_RECORD: AuditRecord = {
  type: 'DataPlane',
  callerIpAddress: '192.168.0.1',
  callerIdentities: { UPN: [{ identity: 'user1@domain.com', description: 'Description' }] },
  operationCategories: ['UserManagement', 'Authentication'],
  targetResources: {
    ResourceType: [{ name: 'Name', cluster: 'Cluster', dataCenter: 'DataCenter', region: 'Region' }],
  },
  callerAccessLevels: ['Level1', 'Level2'],
  operationAccessLevel: 'AccessLevel',
  operationName: 'Operation',
  operationResultDescription: 'ResultDescription',
  callerAgent: 'Agent',
  operationType: 'Read',
  operationResult: 'Success',
}

/** What the original's encoder makes of that record at that time. */
export const GOLDEN_HEX =
  '93aa41736d417564697444509192d3000000006553f1008caf43616c6c6572497041646472657373ab3139322e3136382e302e31' +
  'b043616c6c65724964656e74697469657381a355504e9182a84964656e74697479b0757365723140646f6d61696e2e636f6dab44' +
  '65736372697074696f6eab4465736372697074696f6eb34f7065726174696f6e43617465676f7269657392ae557365724d616e61' +
  '67656d656e74ae41757468656e7469636174696f6eaf5461726765745265736f757263657381ac5265736f757263655479706591' +
  '84a44e616d65a44e616d65a7436c7573746572a7436c7573746572aa4461746143656e746572aa4461746143656e746572a65265' +
  '67696f6ea6526567696f6eb243616c6c65724163636573734c6576656c7392a64c6576656c31a64c6576656c32b44f7065726174' +
  '696f6e4163636573734c6576656cab4163636573734c6576656cad4f7065726174696f6e4e616d65a94f7065726174696f6eba4f' +
  '7065726174696f6e526573756c744465736372697074696f6eb1526573756c744465736372697074696f6eab43616c6c65724167' +
  '656e74a54167656e74bc4f7065726174696f6e43617465676f72794465736372697074696f6ea0ad4f7065726174696f6e547970' +
  '65a452656164af4f7065726174696f6e526573756c74a75375636365737381aa54696d65466f726d6174a84461746554696d65'

/** The golden record with other fields. */
export function recordWith(change: Partial<AuditRecord>): AuditRecord {
  return { ...GOLDEN_RECORD, ...change }
}

/** Texts of every length of head, in several alphabets. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    ' ',
    '\u00e9'.repeat(20),
    'x'.repeat(31),
    'x'.repeat(32),
    'x'.repeat(300),
    'y'.repeat(70_000),
    '"\\\n',
  ),
)
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom('', 'none', '::', '::1', '127.3.2.1', '224.0.0.1', 'fe80::1%eth0', '::ffff:10.0.0.1', '0.0.0.0'),
)
const identity = fc.record({ identity: text, description: text })
const resource = fc.record({ name: text, cluster: text, dataCenter: text, region: text })

const value: fc.Memo<unknown> = fc.memo((depth) =>
  depth <= 1
    ? scalar
    : fc.oneof(
        scalar,
        fc.array(value(depth - 1), { maxLength: 3 }),
        fc.dictionary(name, value(depth - 1), { maxKeys: 3 }),
      ),
)
const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }).filter((key) => key !== '__proto__')
const scalar: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 300 }),
)

/** Records with anything in any field, most of them not valid. */
export const anyRecord: fc.Arbitrary<AuditRecord> = fc.record(
  {
    type: fc.constantFrom('DataPlane', 'ControlPlane'),
    operationName: text,
    operationCategories: fc.array(fc.constantFrom(...OPERATION_CATEGORIES), { maxLength: 5 }),
    operationCategoryDescription: text,
    operationType: fc.constantFrom(...OPERATION_TYPES),
    operationResult: fc.constantFrom(...OPERATION_RESULTS),
    operationResultDescription: text,
    operationAccessLevel: text,
    callerAgent: text,
    callerIdentities: fc
      .uniqueArray(fc.constantFrom(...CALLER_IDENTITY_TYPES), { maxLength: 3 })
      .chain((types) =>
        fc.record(
          Object.fromEntries(types.map((type) => [type, fc.array(identity, { maxLength: 3 })])) as Record<
            CallerIdentityType,
            fc.Arbitrary<{ identity: string; description: string }[]>
          >,
        ),
      ),
    callerIpAddress: address,
    callerAccessLevels: fc.array(text, { maxLength: 4 }),
    targetResources: fc.dictionary(name, fc.array(resource, { minLength: 0, maxLength: 3 }), { maxKeys: 3 }),
    customData: fc.dictionary(name, value(3), { maxKeys: 4 }),
    serviceTreeId: text,
  },
  {
    requiredKeys: [
      'type',
      'operationName',
      'operationCategories',
      'operationAccessLevel',
      'callerAgent',
      'callerIdentities',
      'callerIpAddress',
      'callerAccessLevels',
      'targetResources',
    ],
  },
)
