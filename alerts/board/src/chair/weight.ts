/** Weights in kilograms or pounds. What is sent is kilograms. Pure. */

export type WeightUnit = "kg" | "lb";
/** International avoirdupois pound. */
export const KG_PER_LB = 0.45359237;

export function toKg(value: number | null, unit: WeightUnit): number | null {
  return value === null ? null : unit === "kg" ? value : Math.round(value * KG_PER_LB * 100) / 100;
}

export function fromKg(kg: number, unit: WeightUnit): string {
  return String(Math.round((unit === "kg" ? kg : kg / KG_PER_LB) * 10) / 10);
}
