/// A campaign file (hdf5_changes.hpp): what `show` does with it, and a campaign that goes on.
#include <sstream>

#include "fuzz/fuzz_target.hpp"
#include "fuzz/hdf5_changes.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "orbitmill/results/campaign_file.hpp"

namespace {

using namespace orbitmill;

void show(const CampaignReader& reader) {
  std::ostringstream text, csv, json;
  print_campaign_text(text, reader, 20);
  fuzz::check_printable(text.str());
  print_campaign_csv(csv, reader);
  fuzz::check_printable(csv.str());
  print_campaign_json(json, reader);
}

void go_on(const CampaignReader& reader) {
  const std::uint64_t size = reader.record().rows;
  const CampaignRows rows = reader.rows(size / 2, ~std::uint64_t{0});
  fuzz::require(rows.size() == size - size / 2, "rows are clipped to the table");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const KeyedRegister reg = register_of_key(rows[i].canonical);
    fuzz::require(register_key(reg.field_order, reg.length, reg.feedback) == rows[i].canonical,
                  "a row is named by a register");
  }
  fuzz::require(reader.rows(~std::uint64_t{0}, 3).size() == 0, "no rows behind the table");
  for (const CampaignReader::ListRow& entry : reader.list(0, ~std::uint64_t{0})) {
    fuzz::require(entry.outcome != ListOutcome::row || entry.row < size, "an entry has its row");
  }
}

bool use(const std::string& path) {
  fuzz::require(filetype_of(path).size() < 10'000, "a filetype is a word");
  try {
    const CampaignReader reader(path);
    show(reader);
    go_on(reader);
    return true;
  } catch (const IoError&) {
    fuzz::check_printed_message();
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run_on_file(data, size, use);
}
