import { KIND_JSON, KIND_STRING } from '../transcode/field-table.ts'
import type { FieldWriter } from '../forward/field-writer.ts'
import { writeFields, writeScalar } from '../forward/record-fields.ts'
import type { MsgpackCursor } from '../msgpack/cursor.ts'
import { parseAddress } from './address.ts'
import { isBlank, isSame, ListText, SPACE, Span } from './spans.ts'
import { addressRule, RULES } from './rules.ts'

/** How deep custom data are flattened. */
const CUSTOM_DATA_DEPTH = 8

/**
 * Reads the record of an audit message from its bytes: puts its fields into a table and judges it by the rules that the
 * client goes by. Builds no record on the way.
 */
export class AuditFields {
  /** Which rule the record breaks first; `undefined`: none. */
  reason: string | undefined
  isFailure = false
  readonly #writer: FieldWriter
  readonly #list: ListText
  #cursor!: MsgpackCursor
  /** Spans of the writer's buffer: what the message of the event is made of. */
  readonly #operation = new Span()
  readonly #type = new Span()
  readonly #result = new Span()
  readonly #address = new Span()
  readonly #caller = new Span()
  readonly #callerType = new Span()
  /** The first fault of a kind, or that it is there at all. */
  #serviceTreeFault: string | undefined
  #categories = 0
  #hasOther = false
  #identityTypes = 0
  #identityFault: string | undefined
  /** Where in the list of its type that is; −1 in the list of an earlier type. */
  #identityFaultPlace = 0
  #levels = 0
  #levelFault: string | undefined
  #targetTypes = 0
  #targetFault: string | undefined
  #schemaFault: string | undefined
  #hasCategoryDescription = false
  #hasResultDescription = false
  #hasAccessLevel = false
  #hasAgent = false
  /** Place in `NAMES` of the member that is expected. */
  #nextName = 0

  constructor(writer: FieldWriter) {
    this.#writer = writer
    this.#list = new ListText(writer)
  }

  /** False when there is no map at the cursor, or a limit on fields is broken. */
  read(cursor: MsgpackCursor): boolean {
    this.#cursor = cursor
    this.#clear()
    let left = cursor.map()
    if (left < 0) return false
    for (; left > 0; left--) {
      if (!cursor.text()) return false
      if (!this.#member(cursor.from, cursor.to) || this.#writer.fault) return false
    }
    this.isFailure = this.#result.is(this.#writer.bytes, 'Failure')
    this.reason = this.#judge()
    if (this.reason !== undefined) this.#writer.own('audit.invalid', this.reason)
    this.#writeMessage()
    return this.#writer.fault === undefined
  }

  #clear(): void {
    this.#operation.clear()
    this.#type.clear()
    this.#result.clear()
    this.#address.clear()
    this.#caller.clear()
    this.#callerType.clear()
    this.#serviceTreeFault = this.#identityFault = this.#levelFault = this.#targetFault = this.#schemaFault = undefined
    this.#categories = this.#identityTypes = this.#levels = this.#targetTypes = 0
    this.#hasOther = this.#hasCategoryDescription = this.#hasResultDescription = false
    this.#hasAccessLevel = this.#hasAgent = false
    this.#nextName = 0
  }

  #judge(): string | undefined {
    const { bytes } = this.#writer
    if (this.#schemaFault !== undefined) return this.#schemaFault
    if (this.#serviceTreeFault !== undefined) return this.#serviceTreeFault
    if (this.#operation.isEmpty) return RULES.name
    if (this.#categories === 0) return RULES.categories
    if (this.#hasOther && !this.#hasCategoryDescription) return RULES.categoryDescription
    if (this.isFailure && !this.#hasResultDescription) return RULES.resultDescription
    if (!this.#hasAccessLevel) return RULES.accessLevel
    if (!this.#hasAgent) return RULES.agent
    if (this.#identityTypes === 0) return RULES.identities
    if (this.#identityFault !== undefined) return this.#identityFault
    const address = addressRule(parseAddress(this.#address.text(bytes)).kind)
    if (address !== undefined) return address
    if (this.#levels === 0) return RULES.levels
    if (this.#levelFault !== undefined) return this.#levelFault
    return this.#targetTypes === 0 ? RULES.targets : this.#targetFault
  }

  /** One member, whose name stands there in the cursor's bytes and whose value the cursor stands at. */
  #member(from: number, to: number): boolean {
    const cursor = this.#cursor
    const writer = this.#writer
    const keyStart = writer.out
    writer.copy(cursor.bytes, from, to)
    const keyEnd = writer.out
    switch (this.#nameOf(from, to)) {
      case 'env_ikey':
        if (this.#text(keyStart, keyEnd) === 0) this.#serviceTreeFault = RULES.serviceTreeId
        return true
      case 'CallerIpAddress':
        this.#text(keyStart, keyEnd, this.#address)
        return true
      case 'OperationName':
        this.#text(keyStart, keyEnd, this.#operation)
        return true
      case 'OperationType':
        this.#text(keyStart, keyEnd, this.#type)
        return true
      case 'OperationResult':
        this.#text(keyStart, keyEnd, this.#result)
        return true
      case 'OperationCategoryDescription':
        this.#hasCategoryDescription = this.#text(keyStart, keyEnd) > 0
        return true
      case 'OperationResultDescription':
        this.#hasResultDescription = this.#text(keyStart, keyEnd) > 0
        return true
      case 'OperationAccessLevel':
        this.#hasAccessLevel = this.#text(keyStart, keyEnd) > 0
        return true
      case 'CallerAgent':
        this.#hasAgent = this.#text(keyStart, keyEnd) > 0
        return true
      case 'OperationCategories':
        return this.#texts(keyStart, keyEnd, true)
      case 'CallerAccessLevels':
        return this.#texts(keyStart, keyEnd, false)
      case 'CallerIdentities':
        return this.#lists(keyStart, keyEnd, IDENTITY_MEMBERS)
      case 'TargetResources':
        return this.#lists(keyStart, keyEnd, TARGET_MEMBERS)
      default:
        // Custom data, and what later versions may bring.
        if (cursor.kind === 'map') return writeFields(cursor, writer, CUSTOM_DATA_DEPTH, keyStart, keyEnd)
        writer.field(keyStart, keyEnd, keyEnd, writeScalar(cursor, writer))
        return true
    }
  }

  /** The name there, without a string of its own where it is the one that comes next in the order of the schema. */
  #nameOf(from: number, to: number): string {
    const { bytes } = this.#cursor
    for (let at = this.#nextName; at < NAMES.length; at++) {
      const name = NAMES[at] as string
      if (!isSame(bytes, from, to, name)) continue
      this.#nextName = at + 1
      return name
    }
    return bytes.toString('latin1', from, to)
  }

  /** A text of its own; returns its length. One that is empty is no field. */
  #text(keyStart: number, keyEnd: number, span?: Span): number {
    const cursor = this.#cursor
    const writer = this.#writer
    const start = writer.out
    if (cursor.text()) writer.copy(cursor.bytes, cursor.from, cursor.to)
    else {
      const isNil = cursor.kind === 'nil'
      if (!isNil) this.#unfit(keyStart, keyEnd, 'text')
      writer.field(keyStart, keyEnd, keyEnd, writeScalar(cursor, writer))
      return 0
    }
    span?.set(start, writer.out)
    if (writer.out > start) writer.field(keyStart, keyEnd, start, KIND_STRING)
    return writer.out - start
  }

  #unfit(keyStart: number, keyEnd: number, wanted: string): void {
    this.#schemaFault ??= `${this.#writer.bytes.toString('utf8', keyStart, keyEnd)} is no ${wanted}`
  }

  /** A list of texts. */
  #texts(keyStart: number, keyEnd: number, areCategories: boolean): boolean {
    const cursor = this.#cursor
    const writer = this.#writer
    const count = cursor.array()
    if (count < 0) {
      if (cursor.kind !== 'nil') this.#unfit(keyStart, keyEnd, 'list')
      writer.field(keyStart, keyEnd, keyEnd, writeScalar(cursor, writer))
      return true
    }
    const list = this.#list.start(count)
    for (let left = count; left > 0; left--) {
      list.begin()
      const start = writer.out
      if (cursor.text()) writer.copy(cursor.bytes, cursor.from, cursor.to)
      else {
        this.#unfit(keyStart, keyEnd, 'list of texts')
        writeScalar(cursor, writer)
      }
      if (areCategories) this.#category(start, writer.out)
      else this.#level(start, writer.out)
      list.end(start)
      if (!writer.fits(0)) return false
    }
    if (count > 0) writer.field(keyStart, keyEnd, list.finish(), count === 1 ? KIND_STRING : KIND_JSON)
    return true
  }

  #category(start: number, end: number): void {
    this.#categories++
    if (end - start === 7 && this.#writer.bytes.toString('latin1', start, end) === 'OCOther') this.#hasOther = true
  }

  #level(start: number, end: number): void {
    this.#levels++
    if (isBlank(this.#writer.bytes, start, end)) this.#levelFault = RULES.level
  }

  /**
   * A map of lists of small maps. Each list becomes one field by its first member, `CallerIdentities.UPN`, and one for
   * each other member that says anything, `CallerIdentities.UPN.Description`.
   */
  #lists(keyStart: number, keyEnd: number, members: readonly string[]): boolean {
    const cursor = this.#cursor
    const writer = this.#writer
    let left = cursor.map()
    if (left < 0) {
      if (cursor.kind !== 'nil') this.#unfit(keyStart, keyEnd, 'map')
      writer.field(keyStart, keyEnd, keyEnd, writeScalar(cursor, writer))
      return true
    }
    for (; left > 0; left--) {
      if (!cursor.text()) return false
      const start = writer.out
      writer.copy(writer.bytes, keyStart, keyEnd)
      writer.byte(0x2e)
      const typeStart = writer.out
      writer.copy(cursor.bytes, cursor.from, cursor.to)
      const typeEnd = writer.out
      const listAt = cursor.at
      const count = cursor.array()
      if (members === IDENTITY_MEMBERS) this.#identityType(typeStart, typeEnd, count)
      else this.#targetType(typeStart, typeEnd)
      if (count < 0) {
        if (cursor.kind !== 'nil') this.#unfit(start, typeEnd, 'list')
        writer.field(start, typeEnd, typeEnd, writeScalar(cursor, writer))
        continue
      }
      for (let index = 0; index < members.length; index++) {
        cursor.at = listAt
        cursor.array()
        this.#column(start, typeStart, typeEnd, count, members, index)
        if (writer.fault) return false
      }
    }
    return true
  }

  /** The member of this name of every map of the list that the cursor has entered, as one field. */
  #column(
    start: number,
    typeStart: number,
    typeEnd: number,
    count: number,
    members: readonly string[],
    index: number,
  ): void {
    const name = members[index] as string
    const writer = this.#writer
    const keyStart = index === 0 ? start : writer.out
    if (index > 0) {
      writer.copy(writer.bytes, start, typeEnd)
      writer.write(`.${name}`)
    }
    const keyEnd = index === 0 ? typeEnd : writer.out
    const list = this.#list.start(count)
    let bytes = 0
    for (let left = count; left > 0; left--) {
      list.begin()
      const valueStart = writer.out
      if (!this.#memberOf(name)) this.#unfit(start, typeEnd, 'list of maps of texts')
      bytes += writer.out - valueStart
      if (members === IDENTITY_MEMBERS) this.#identity(index, count - left, valueStart, typeStart, typeEnd)
      else if (index === 0 && writer.out === valueStart) this.#targetFault ??= RULES.targetName
      list.end(valueStart)
      if (!writer.fits(0)) return
    }
    const from = list.finish()
    if (bytes > 0) writer.field(keyStart, keyEnd, from, count === 1 ? KIND_STRING : KIND_JSON)
  }

  /** Passes the map at the cursor and writes its member of this name. False when it is no map, or the member no text. */
  #memberOf(name: string): boolean {
    const cursor = this.#cursor
    const pairs = cursor.map()
    if (pairs < 0) {
      cursor.skip()
      return false
    }
    let isFit = true
    for (let left = pairs; left > 0; left--) {
      if (!cursor.text()) {
        cursor.skip()
        cursor.skip()
        isFit = false
      } else if (!isSame(cursor.bytes, cursor.from, cursor.to, name)) cursor.skip()
      else if (cursor.text()) this.#writer.copy(cursor.bytes, cursor.from, cursor.to)
      else {
        isFit &&= cursor.kind === 'nil'
        cursor.skip()
      }
    }
    return isFit
  }

  #identityType(start: number, end: number, count: number): void {
    this.#identityTypes++
    this.#identityFaultPlace = this.#identityFault === undefined ? Infinity : -1
    if (count > 0) return
    this.#identityFault ??= RULES.identitiesOfType(this.#writer.bytes.toString('utf8', start, end))
  }

  #identity(index: number, item: number, valueStart: number, typeStart: number, typeEnd: number): void {
    if (index === 0 && this.#caller.isEmpty) {
      this.#caller.set(valueStart, this.#writer.out)
      this.#callerType.set(typeStart, typeEnd)
    }
    const place = item * 2 + index
    if (this.#writer.out > valueStart || place >= this.#identityFaultPlace) return
    this.#identityFaultPlace = place
    this.#identityFault = index === 0 ? RULES.identity : RULES.description
  }

  #targetType(start: number, end: number): void {
    this.#targetTypes++
    if (isBlank(this.#writer.bytes, start, end)) this.#targetFault ??= RULES.targetType
  }

  /** `DropTable: Delete Success, UPN ann@example.com, 10.0.0.7` */
  #writeMessage(): void {
    const writer = this.#writer
    const keyStart = writer.out
    writer.write('message')
    const keyEnd = writer.out
    this.#operation.copyTo(writer)
    if (!this.#type.isEmpty || !this.#result.isEmpty) writer.write(': ')
    this.#type.copyTo(writer)
    if (!this.#type.isEmpty) writer.byte(SPACE)
    this.#result.copyTo(writer)
    if (!this.#caller.isEmpty) {
      writer.write(', ')
      this.#callerType.copyTo(writer)
      writer.byte(SPACE)
      this.#caller.copyTo(writer)
    }
    if (!this.#address.isEmpty) {
      writer.write(', ')
      this.#address.copyTo(writer)
    }
    writer.field(keyStart, keyEnd, keyEnd, KIND_STRING)
  }
}

/** Members of a record, in the order in which the original writes them. */
const NAMES: readonly string[] = [
  'env_ikey',
  'CallerIpAddress',
  'CallerIdentities',
  'OperationCategories',
  'CustomData',
  'TargetResources',
  'CallerAccessLevels',
  'OperationAccessLevel',
  'OperationName',
  'OperationResultDescription',
  'CallerAgent',
  'OperationCategoryDescription',
  'OperationType',
  'OperationResult',
]

/** The first one names the list. */
const IDENTITY_MEMBERS = ['Identity', 'Description'] as const
const TARGET_MEMBERS = ['Name', 'Cluster', 'DataCenter', 'Region'] as const
