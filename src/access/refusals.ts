import type { Counters } from '../core/counters.ts'
import { AppError, type AppErrorOptions } from '../core/errors.ts'

/** Why, for operators: senders are not told. */
export type RefusalReason =
  | 'unreadable'
  | 'unknown'
  | 'secret'
  | 'revoked'
  | 'expired'
  | 'address'
  | 'token'
  | 'session'
  | 'origin'
  | 'signature_time'
  | 'signature_value'
  | 'signature_replayed'
  | 'signature_full'

/** One text for every reason: nothing tells a key that exists from one that does not. */
const KEY_REFUSED: AppErrorOptions = {
  detail: 'What the request shows is not a key, token or session that is valid here.',
  hint: 'tailrace keys list shows the keys; tailrace keys create makes one.',
}

const SIGNATURE_REFUSED: AppErrorOptions = {
  detail: 'The signature is not valid.',
  hint: 'It takes a valid key of role write, and a signature of the very bytes that are sent.',
}

/** Counts each refusal in `access_refused_total{reason}` and makes the error for it. */
export class Refusals {
  readonly #counters: Counters

  constructor(counters: Counters) {
    this.#counters = counters
  }

  key(reason: RefusalReason): AppError {
    this.count(reason)
    return new AppError('KEY_REFUSED', KEY_REFUSED)
  }

  signature(reason: RefusalReason, options: AppErrorOptions = SIGNATURE_REFUSED): AppError {
    this.count(reason)
    return new AppError('SIGNATURE_REFUSED', options)
  }

  count(reason: RefusalReason): void {
    this.#counters.add('access_refused_total', { reason })
  }
}
