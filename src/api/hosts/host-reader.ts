import type { ReadOptions } from '../../store/store.ts'
import type { StoredEvent, Visible } from '../event-reader.ts'

export interface LinesQuestion {
  visible: Visible
  host: string
  /** Only of this file; `undefined`: of all. */
  file: string | undefined
  /** Only those that contain this, as it is written. */
  text: string
  limit: number
}

/** Questions about hosts and their files: `host` and `source` of events that may be seen. */
export interface HostReader {
  /** Names in order, `limit` of them at most. */
  hosts(visible: Visible, limit: number, read: ReadOptions): Promise<string[]>
  /** The same for the files of one host; those of events without a source have no name. */
  files(host: string, visible: Visible, limit: number, read: ReadOptions): Promise<string[]>
  /** Whether there is an event of this host. */
  isKnown(host: string, visible: Visible, read: ReadOptions): Promise<boolean>
  /** Newest first. */
  lines(question: LinesQuestion, read: ReadOptions): Promise<StoredEvent[]>
}
