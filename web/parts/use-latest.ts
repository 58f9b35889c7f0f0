import { useRef } from 'preact/hooks'

/** What was given at the last render, for listeners that live longer. */
export function useLatest<T>(value: T): { readonly current: T } {
  const ref = useRef(value)
  ref.current = value
  return ref
}
