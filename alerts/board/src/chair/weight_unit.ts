/** The unit in which this tablet shows and asks for weights. */

import { signal } from "@preact/signals";

import { remember, remembered } from "../here";
import type { WeightUnit } from "./weight";

const KEY = "chairside.weight-unit";
const chosen = signal<WeightUnit>(remembered(KEY) === "lb" ? "lb" : "kg");

export function useWeightUnit(): [WeightUnit, (unit: WeightUnit) => void] {
  return [chosen.value, (to) => {
    chosen.value = to;
    remember(KEY, to);
  }];
}
