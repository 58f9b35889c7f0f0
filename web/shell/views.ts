import type { ComponentType } from 'preact'
import type { Right } from '../../src/core/principal.ts'
import { Explore } from '../explore/explore.tsx'

/** A place in the navigation. All but the first are loaded when somebody goes there:
 * `component: { load: async () => (await import('../statistics/statistics.tsx')).Statistics }`. */
export interface View {
  path: string
  name: string
  /** What the reader has to be allowed to; others do not see it. */
  right: Right
  /** Not in the navigation: links lead there. */
  isUnlisted?: boolean
  component: ComponentType | { load: () => Promise<ComponentType> }
}

export const VIEWS: readonly View[] = [
  { path: '/', name: 'Explore', right: 'read', component: Explore },
  {
    path: '/view/statistics',
    name: 'Statistics',
    right: 'read',
    component: { load: async () => (await import('../statistics/statistics.tsx')).Statistics },
  },
  {
    path: '/view/hosts',
    name: 'Hosts',
    right: 'read',
    component: { load: async () => (await import('../hosts/hosts.tsx')).Hosts },
  },
  {
    path: '/view/streams',
    name: 'Streams',
    right: 'read',
    component: { load: async () => (await import('../streams/streams.tsx')).Streams },
  },
  {
    path: '/view/audit',
    name: 'Audit',
    right: 'read',
    component: { load: async () => (await import('../audit/audit.tsx')).Audit },
  },
  {
    path: '/view/status',
    name: 'Status',
    right: 'figures',
    component: { load: async () => (await import('../status/status.tsx')).Status },
  },
  {
    path: '/view/settings',
    name: 'Settings',
    right: 'read',
    component: { load: async () => (await import('../settings/settings.tsx')).Settings },
  },
  {
    path: '/view/shared',
    name: 'Shared',
    right: 'read',
    isUnlisted: true,
    component: { load: async () => (await import('../saved/share-link.tsx')).ShareLink },
  },
]
