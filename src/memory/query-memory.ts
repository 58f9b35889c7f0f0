import { AppError } from '../core/errors.ts'
import { formatSize } from '../core/units.ts'

/** What queries keep beside the rings while they run, bounded for each and for all together. */
export interface QueryMemory {
  /** Memory for one query. Call `release` when it is over, whatever came of it. */
  open(): QueryShare
}

export interface QueryShare {
  /** Takes bytes, or gives them back if negative. Throws QUERY_TOO_COSTLY beyond the bounds. */
  charge(bytes: number): void
  /** Gives back what is left. */
  release(): void
}

export interface QueryMemoryOptions {
  queryBytesMax: number
  queriesBytesMax: number
}

export function createQueryMemory({ queryBytesMax, queriesBytesMax }: QueryMemoryOptions): QueryMemory {
  let takenBytes = 0
  return {
    open() {
      let ownBytes = 0
      return {
        charge(bytes) {
          ownBytes += bytes
          takenBytes += bytes
          if (bytes > 0 && ownBytes > queryBytesMax) {
            throw new AppError('QUERY_TOO_COSTLY', {
              detail: `The query needs more than ${formatSize(queryBytesMax)} of memory.`,
              hint: 'Ask for fewer events, a shorter time range, or fewer groups; or raise query.memoryBytesMax.',
            })
          }
          if (bytes > 0 && takenBytes > queriesBytesMax) {
            throw new AppError('QUERY_TOO_COSTLY', {
              detail: `The queries that are running need more than ${formatSize(queriesBytesMax)} of memory.`,
              hint: 'Try again when they are over.',
            })
          }
        },
        release() {
          takenBytes -= ownBytes
          ownBytes = 0
        },
      }
    },
  }
}
