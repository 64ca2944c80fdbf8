export { VirtualClock } from "../core/clock.js";
