/** Says that an instrument does not trade: its prices stand still for a reason. */
export function HaltedMark() {
  return <span className="halted">halted</span>;
}
