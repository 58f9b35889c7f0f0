import type { GrowingFile } from './growing-file.ts'
import type { ShareRecord, StreamRecord, StreamState } from './record.ts'

/** A stream as those who use it see it. What it says is of this moment. */
export interface StreamFacts {
  readonly id: string
  readonly name: string
  readonly state: StreamState
  readonly sizeBytes: number
  readonly startedMs: number
  readonly endedMs: number | null
  readonly readers: number
  readonly keyId: string
  readonly host: string
  /** `undefined`: its lines do not become events. */
  readonly indexed: { readonly bytes: number; readonly lines: number } | undefined
}

/** One stream: its record and its file. Only the catalog changes it. */
export class Stream implements StreamFacts {
  record: StreamRecord
  readonly file: GrowingFile
  readers = 0
  /** Who writes now. */
  writer: { cut(): Promise<void> } | undefined
  /** Ends the waiting for a writer that was cut off. */
  waiting: NodeJS.Timeout | undefined
  /** Saving of its record, one after the other. */
  saving: Promise<void> = Promise.resolve()

  constructor(record: StreamRecord, file: GrowingFile) {
    this.record = record
    this.file = file
  }

  get id(): string {
    return this.record.id
  }

  get name(): string {
    return this.record.name
  }

  get state(): StreamState {
    return this.record.state
  }

  get sizeBytes(): number {
    return this.file.sizeBytes
  }

  get startedMs(): number {
    return this.record.startedMs
  }

  get endedMs(): number | null {
    return this.record.endedMs
  }

  get keyId(): string {
    return this.record.keyId
  }

  get host(): string {
    return this.record.host
  }

  get indexed(): StreamFacts['indexed'] {
    return this.record.indexed ?? undefined
  }

  get stamps(): StreamRecord['stamps'] {
    return this.record.stamps
  }

  get shares(): readonly ShareRecord[] {
    return this.record.shares
  }

  /** Whether there may be more: its readers wait for it. */
  get isGrowing(): boolean {
    return this.file.end === undefined
  }

  /** Strong, as the bytes never change again; `undefined` while they may. */
  get etag(): string | undefined {
    return this.state === 'finished' ? `"${this.id}-${this.sizeBytes}"` : undefined
  }
}
