import { useLoad, type Loaded } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { rangeParameters, type RangeText } from '../time/range.ts'

export interface FieldNames {
  fields: { name: string; count: number; kind: 'field' | 'attribute' }[]
}

const NAMES_MAX = 500

/** Names of all fields in the range. */
export function useFieldNames(range: RangeText, turn: number, isReady: boolean): Loaded<FieldNames> {
  const { client } = usePage()
  const parameters = { ...rangeParameters(range), limit: NAMES_MAX }
  return useLoad(
    JSON.stringify([parameters, turn]),
    (signal) => client.get<FieldNames>('/api/v1/fields', parameters, signal),
    isReady,
  )
}
