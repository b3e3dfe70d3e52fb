/// The answers of `orbitmill where`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "json_number.hpp"
#include "orbitmill/results/cycle_lookup.hpp"

namespace orbitmill {

namespace {

using Json = nlohmann::ordered_json;

void print_one(std::ostream& out, const StatePlace& place, const DecompositionRecord& record) {
  const Integer& cycles = record.certificate.cycles;
  out << fmt::format("state      {}", place.state);
  // In base q the digits are the stages, x_(n-1) first; only base 2 is short to write in hex.
  if (record.register_spec.field_order == 2) out << fmt::format(" = {:#x}", place.state);
  out << fmt::format("\ncycle      row {} of /cycles, which has {} row{}\n", place.row,
                     cycles.get_str(), cycles == 1 ? "" : "s");
  out << fmt::format("leader     {}\nlength     {}\n", place.leader, place.length);
  out << fmt::format("phase      {}: steps from the leader to the state\n", place.phase);
}

Json place_json(const StatePlace& place) {
  return {{"state", json_number(place.state)},   {"cycle", json_number(place.row)},
          {"leader", json_number(place.leader)}, {"length", json_number(place.length)},
          {"phase", json_number(place.phase)},   {"walked", json_number(place.walked)}};
}

}  // namespace

void print_place_text(std::ostream& out, const StatePlace& place, const StatePlace* second,
                      const DecompositionRecord& record) {
  print_one(out, place, record);
  if (second == nullptr) return;
  out << '\n';
  print_one(out, *second, record);
  if (const auto steps = distance(place, *second)) {
    out << fmt::format("\ndistance   {}: steps from state {} to state {}\n", *steps, place.state,
                       second->state);
  } else {
    out << "\ndistance   none: the states lie on different cycles\n";
  }
}

void print_place_json(std::ostream& out, const StatePlace& place, const StatePlace* second) {
  Json json = place_json(place);
  if (second != nullptr) {
    const auto steps = distance(place, *second);
    json = {{"from", place_json(place)},
            {"to", place_json(*second)},
            {"same_cycle", steps.has_value()},
            {"distance", steps ? json_number(*steps) : Json(nullptr)}};
  }
  out << json.dump(2) << '\n';
}

}  // namespace orbitmill
