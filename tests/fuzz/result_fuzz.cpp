/// A result file (hdf5_changes.hpp): what `show`, `where` and `verify` do with it.
#include <sstream>

#include "fuzz/fuzz_target.hpp"
#include "fuzz/hdf5_changes.hpp"
#include "orbitmill/results/cycle_lookup.hpp"
#include "orbitmill/results/report.hpp"
#include "orbitmill/results/result_file.hpp"
#include "orbitmill/results/verify.hpp"

namespace {

using namespace orbitmill;

void show(const ResultReader& reader) {
  const DecompositionRecord& record = reader.record();
  std::ostringstream text, other;
  print_text(text, record);
  fuzz::check_printable(text.str());
  print_json(other, record);
  print_csv(other, record);
  const std::vector<CycleRow> rows = reader.cycles(0, 10);
  fuzz::require(rows.size() <= 10, "no more rows than were asked for");
  reader.cycles(~std::uint64_t{0} - 1, 3);
  reader.cycles(3, ~std::uint64_t{0});
  const auto offsets = reader.sequence_offsets(0, 10);
  if (offsets.size() > 1) reader.symbols(offsets[0], std::min<std::uint64_t>(offsets[1], 100));
}

void look_up(const ResultReader& reader) {
  const DecompositionRecord& record = reader.record();
  // A walk takes up to q^n steps in a file that says so, and is right to.
  if (record.index_zeros == 0 || record.certificate.states > (1 << 16)) return;
  reader.milestone_position(0);
  const CycleLookup lookup(reader);
  std::ostringstream out;
  for (State state = 0; state < std::min<std::uint64_t>(record.certificate.states.get_ui(), 20);
       ++state) {
    const StatePlace place = lookup.locate(state);
    fuzz::require(place.phase < place.length, "a place on a cycle");
    print_place_text(out, place, &place, record);
    print_place_json(out, place, nullptr);
  }
  fuzz::check_printable(out.str());
}

void check(const std::string& path) {
  VerifyOptions options;
  options.rows = 20;
  options.steps = 2000;
  const VerifyReport report = verify(path, options);
  std::ostringstream text, json;
  print_verify_text(text, report);
  fuzz::check_printable(text.str());
  print_verify_json(json, report);
}

/// False if the action found the file unreadable, and said so as it should.
template <class Action>
bool survives(Action action) {
  try {
    action();
    return true;
  } catch (const IoError&) {
    fuzz::check_printed_message();
    return false;
  }
}

bool use(const std::string& path) {
  const bool shown = survives([&] {
    const ResultReader reader(path);
    show(reader);
    look_up(reader);
  });
  // Opening a file costs more than all that is done with it.
  static std::uint64_t inputs = 0;
  return (inputs++ % 4 != 0 || survives([&] { check(path); })) && shown;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run_on_file(data, size, use);
}
