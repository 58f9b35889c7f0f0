import { numberText } from '../parts/figures.ts'

/** Single numbers, large. */
export function Figures({ figures }: { figures: readonly { name: string; value: number | null }[] }) {
  return (
    <ul class="figures" aria-label="Numbers">
      {figures.map(({ name, value }) => (
        <li class="figure" key={name}>
          <span class="figure-name">{name}</span>
          <strong class="large">{numberText(value)}</strong>
        </li>
      ))}
    </ul>
  )
}
