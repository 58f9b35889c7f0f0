/** What of the installation `tailrace doctor` looks at and no other room may reach. */
export { locateEngine } from '../store/engine/locate.ts'
