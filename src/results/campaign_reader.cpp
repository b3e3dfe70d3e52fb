#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <type_traits>

#include "damage.hpp"
#include "hdf5_claims.hpp"
#include "hdf5_handle.hpp"
#include "hdf5_values.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "orbitmill/results/campaign_file.hpp"

namespace orbitmill {
namespace {

template <class Value>
hid_t native_type();
template <>
hid_t native_type<std::uint64_t>() {
  return H5T_NATIVE_UINT64;
}
template <>
hid_t native_type<std::uint8_t>() {
  return H5T_NATIVE_UINT8;
}
template <>
hid_t native_type<double>() {
  return H5T_NATIVE_DOUBLE;
}

/// One of the big tables.
template <class Value>
class Table {
 public:
  Table(hid_t file, const std::string& name, std::uint64_t file_bytes)
      : name_(name), dataset_(open_dataset(file, name)) {
    constexpr H5T_class_t kind = std::is_floating_point_v<Value> ? H5T_FLOAT : H5T_INTEGER;
    const CheckedColumn table = check_column(dataset_.get(), "/" + name, kind, file_bytes);
    if (table.width != sizeof(Value) || !table.chunked) {
      damaged(fmt::format("/{} has an unexpected layout", name));
    }
    rows_ = table.rows;
  }

  std::uint64_t rows() const noexcept { return rows_; }
  void expect_rows(std::uint64_t rows) const {
    if (rows_ != rows) damaged(fmt::format("/{} has {} rows, expected {}", name_, rows_, rows));
  }

  std::vector<Value> read(std::uint64_t first, std::uint64_t count) const {
    if (first > rows_ || count > rows_ - first) {
      damaged(fmt::format("/{} is shorter than another table says", name_));
    }
    check_memory_for(count * sizeof(Value), "/" + name_);
    std::vector<Value> values(count);
    const Hdf5Handle memory = make_dataspace(count);
    const Hdf5Handle extent = dataspace_of(dataset_.get());
    select_rows(memory.get(), 0, count);
    select_rows(extent.get(), first, count);
    hdf5_check(H5Dread(dataset_.get(), native_type<Value>(), memory.get(), extent.get(),
                       H5P_DEFAULT, values.data()),
               fmt::format("reading /{}", name_));
    return values;
  }

 private:
  std::string name_;
  Hdf5Handle dataset_;
  std::uint64_t rows_ = 0;
};

/// Rows [first, first + count) of a ragged column.
template <class Value>
class RaggedSlice {
 public:
  RaggedSlice(hid_t file, const std::string& offset, const std::string& values, std::uint64_t first,
              std::uint64_t count, std::uint64_t file_bytes)
      : offsets_(Table<std::uint64_t>(file, offset, file_bytes).read(first, count + 1)) {
    if (!std::ranges::is_sorted(offsets_)) damaged(fmt::format("/{} is not in order", offset));
    values_ = Table<Value>(file, values, file_bytes)
                  .read(offsets_.front(), offsets_.back() - offsets_.front());
  }
  std::span<const Value> operator[](std::uint64_t row) const {
    return std::span<const Value>(values_).subspan(offsets_[row] - offsets_.front(),
                                                   offsets_[row + 1] - offsets_[row]);
  }

 private:
  std::vector<std::uint64_t> offsets_;
  std::vector<Value> values_;
};

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string key_of(const Field& field, std::uint64_t length, std::string_view text) {
  if (length < 1 || length > max_register_length) damaged("a register has an impossible length");
  const auto n = static_cast<std::uint32_t>(length);
  // f = 0 is the one feedback that the notations cannot say.
  const Feedback feedback = text == "0" ? Feedback{} : parse_feedback(text, field, n);
  return register_key(field.order(), n, feedback);
}

CampaignTask task_named(const std::string& name) {
  for (const CampaignTask task :
       {CampaignTask::decompose, CampaignTask::period, CampaignTask::search}) {
    if (name_of(task) == name) return task;
  }
  damaged(fmt::format("/campaign/task is \"{}\", no task of this orbitmill", name));
}

void read_run(hid_t file, std::uint64_t bytes, CampaignRecord& record) {
  const Hdf5Handle group = open_group(file, "run");
  const ValueReader in(group.get(), "/run", bytes);
  RunInfo& run = record.run;
  run.version = in.text("version");
  run.commit = in.text("commit");
  run.compiler = in.text("compiler");
  run.flags = in.text("flags");
  run.mpi = in.text("mpi");
  run.hdf5 = in.text("hdf5");
  run.ranks = static_cast<std::uint32_t>(in.number("ranks"));
  run.threads = static_cast<std::uint32_t>(in.number("threads"));
  run.command_line = in.text("command_line");
  run.job_text = in.text("job_text");
  run.start_utc = in.text("start_utc");
  run.end_utc = in.text("end_utc");
  run.schedule = in.text("schedule");
  run.elapsed_s = in.real("elapsed_s");
  run.hosts = in.texts("hosts");
  record.decisions = in.texts("unit_decision");
  const auto names = in.texts("filter_name");
  const auto entered = in.numbers("filter_entered");
  const auto settled = in.numbers("filter_settled");
  const auto seconds = in.reals("filter_seconds");
  if (entered.size() != names.size() || settled.size() != names.size() ||
      seconds.size() != names.size()) {
    damaged("/run has filter columns of different lengths");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    record.filters.push_back({names[i], entered[i], settled[i], seconds[i]});
  }
}

void read_families(hid_t file, std::uint64_t bytes, CampaignRecord& record) {
  const Hdf5Handle group = open_group(file, "forms");
  const ValueReader in(group.get(), "/forms", bytes);
  const auto forms = in.texts("form");
  const auto ranges = in.texts("ranges");
  const auto lengths = in.numbers("length");
  const auto combinations = in.numbers("combinations");
  const auto registers = in.numbers("registers");
  const auto filtered = in.numbers("filtered");
  const auto kept = in.numbers("kept");
  for (const std::size_t rows : {ranges.size(), lengths.size(), combinations.size(),
                                 registers.size(), filtered.size(), kept.size()}) {
    if (rows != forms.size()) damaged("/forms has columns of different lengths");
  }
  for (std::size_t i = 0; i < forms.size(); ++i) {
    record.families.push_back({forms[i],
                               static_cast<std::uint32_t>(lengths[i]),
                               ranges[i],
                               {combinations[i], registers[i], filtered[i], kept[i]}});
  }
}

void read_unreadable(hid_t file, std::uint64_t bytes, CampaignRecord& record) {
  const Hdf5Handle group = open_group(file, "unreadable");
  const ValueReader in(group.get(), "/unreadable", bytes);
  const auto sources = in.numbers("source");
  const auto lines = in.numbers("line");
  const auto texts = in.texts("text");
  const auto reasons = in.texts("reason");
  if (lines.size() != sources.size() || texts.size() != sources.size() ||
      reasons.size() != sources.size()) {
    damaged("/unreadable has columns of different lengths");
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    record.unreadable.push_back({sources[i], lines[i], texts[i], reasons[i]});
  }
}

}  // namespace

std::string filetype_of(const std::filesystem::path& path) {
  try {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error) || H5Fis_hdf5(path.c_str()) <= 0) return {};
    const Hdf5Handle file = open_file_for_reading(path.string());
    const ValueReader root(file.get(), "", std::filesystem::file_size(path));
    return root.has("filetype") ? root.text("filetype") : "";
  } catch (const std::exception&) {
    return {};
  }
}

CampaignReader::CampaignReader(const std::filesystem::path& path) : path_(path) {
  const std::string filetype = filetype_of(path);
  if (filetype != campaign_filetype) {
    throw IoError(
        fmt::format("cannot read \"{}\": its filetype is \"{}\", expected \"{}\"; give a "
                    "file that orbitmill campaign wrote",
                    path.string(), filetype, campaign_filetype));
  }
  file_bytes_ = std::filesystem::file_size(path);
  Hdf5Handle file = reading(path, [&] { return open_file_for_reading(path.string()); });
  reading(path, [&] {
    const hid_t id = file.get();
    const ValueReader root(id, "", file_bytes_);
    const std::vector<int> version = root.pair("version");
    if (version[0] != campaign_version_major) {
      throw IoError(fmt::format(
          "cannot read \"{}\": its format is version {}.{}, this orbitmill reads {}.x (up to "
          "{}.{}); use the orbitmill that wrote it",
          path.string(), version[0], version[1], campaign_version_major, campaign_version_major,
          campaign_version_minor));
    }
    record_.title = root.text("title");
    const Hdf5Handle group = open_group(id, "campaign");
    const ValueReader campaign(group.get(), "/campaign", file_bytes_);
    record_.task = task_named(campaign.text("task"));
    record_.filter = campaign.text("filter");
    record_.rows = campaign.number("registers");
    record_.failed = campaign.number("failed");
    record_.maximum = campaign.number("maximum_period");
    record_.de_bruijn = campaign.number("de_bruijn");
    const Hdf5Handle field_group = open_group(id, "fields");
    const ValueReader fields(field_group.get(), "/fields", file_bytes_);
    const auto orders = fields.numbers("order");
    const auto moduli = fields.texts("modulus");
    if (orders.size() != moduli.size()) damaged("/fields has columns of different lengths");
    for (std::size_t i = 0; i < orders.size(); ++i) {
      if (orders[i] < 2 || orders[i] > Field::max_order || (i > 0 && orders[i] <= orders[i - 1])) {
        damaged("/fields is not in order");
      }
      record_.fields.push_back({static_cast<std::uint32_t>(orders[i]), moduli[i]});
    }
    read_families(id, file_bytes_, record_);
    read_unreadable(id, file_bytes_, record_);
    read_run(id, file_bytes_, record_);
    record_.has_list = H5Lexists(id, "list", H5P_DEFAULT) > 0;
    if (record_.has_list) list_size_ = Table<std::uint64_t>(id, "list/line", file_bytes_).rows();
    Table<std::uint64_t>(id, "registers/length", file_bytes_).expect_rows(record_.rows);
  });
  file_ = file.release();
}

CampaignReader::~CampaignReader() {
  H5Fclose(file_);
}

const Field& CampaignReader::field(std::uint64_t order) const {
  const auto made = fields_.find(order);
  if (made != fields_.end()) return made->second;
  const auto known = std::ranges::find(record_.fields, order, &FieldRecord::order);
  if (known == record_.fields.end()) {
    damaged("a register is over a field that /fields does not have");
  }
  return fields_.emplace(order, Field(order, known->modulus)).first->second;
}

CampaignRows CampaignReader::rows(std::uint64_t first, std::uint64_t count) const {
  return reading(path_, [&] {
    first = std::min(first, record_.rows);
    count = std::min(count, record_.rows - first);
    const auto column = [&](const char* name, auto kind) {
      return Table<decltype(kind)>(file_, name, file_bytes_).read(first, count);
    };
    const auto ragged = [&](const char* offset, const char* values) {
      return RaggedSlice<std::uint8_t>(file_, offset, values, first, count, file_bytes_);
    };
    const auto order = column("registers/field_order", std::uint64_t{});
    const auto length = column("registers/length", std::uint64_t{});
    const auto longest = column("registers/longest_cycle", std::uint64_t{});
    const auto cycles = column("registers/cycles", std::uint64_t{});
    const auto checksum = column("registers/checksum", std::uint64_t{});
    const auto verdict = column("registers/verdict", std::uint8_t{});
    const auto certified = column("registers/certified", std::uint8_t{});
    const auto seconds = column("profile/register_seconds", double{});
    const auto witness = column("profile/register_witness", std::uint64_t{});
    const auto feedback = ragged("registers/feedback_offset", "registers/feedback");
    const auto canonical = ragged("registers/canonical_offset", "registers/canonical");
    const auto reason = ragged("registers/reason_offset", "registers/reason");
    std::optional<RaggedSlice<std::uint64_t>> lengths, counts;
    if (record_.task == CampaignTask::decompose) {
      lengths.emplace(file_, "histograms/offset", "histograms/length", first, count, file_bytes_);
      counts.emplace(file_, "histograms/offset", "histograms/count", first, count, file_bytes_);
    }
    CampaignRows result;
    Histogram histogram;
    std::string previous;
    for (std::uint64_t i = 0; i < count; ++i) {
      CampaignRow row;
      const Field& over = field(order[i]);
      const std::string canonical_key = key_of(over, length[i], text_of(canonical[i]));
      const std::string asked_key = key_of(over, length[i], text_of(feedback[i]));
      if (verdict[i] > static_cast<std::uint8_t>(Verdict::singular)) {
        damaged("/registers/verdict has an unknown value");
      }
      if (i > 0 && canonical_key <= previous) damaged("/registers is not in order");
      histogram.clear();
      for (std::size_t k = 0; lengths && k < (*lengths)[i].size(); ++k) {
        histogram.push_back({(*lengths)[i][k], (*counts)[i][k]});
      }
      row.canonical = canonical_key;
      row.asked = asked_key;
      row.verdict = static_cast<Verdict>(verdict[i]);
      row.certified = certified[i] != 0;
      row.longest_cycle = longest[i];
      row.cycles = cycles[i];
      row.checksum = checksum[i];
      row.histogram = histogram;
      row.reason = text_of(reason[i]);
      row.seconds = seconds[i];
      row.witness = witness[i];
      if (row.certified && record_.task == CampaignTask::decompose) {
        const CampaignRow again =
            histogram.empty() ? CampaignRow{} : row_of_histogram(histogram, 0);
        if (again.checksum != row.checksum || again.cycles != row.cycles ||
            again.longest_cycle != row.longest_cycle) {
          damaged(fmt::format("row {} of /histograms does not have its checksum", first + i));
        }
      }
      result.add(row);
      previous = canonical_key;
    }
    return result;
  });
}

std::vector<CampaignReader::ListRow> CampaignReader::list(std::uint64_t first,
                                                          std::uint64_t count) const {
  return reading(path_, [&] {
    first = std::min(first, list_size_);
    count = std::min(count, list_size_ - first);
    std::vector<ListRow> result(count);
    if (count == 0) return result;
    const auto column = [&](const char* name) {
      return Table<std::uint64_t>(file_, name, file_bytes_).read(first, count);
    };
    const auto source = column("list/source"), line = column("list/line");
    const auto row = column("list/row"), order = column("list/field_order");
    const auto length = column("list/length");
    const auto outcome = Table<std::uint8_t>(file_, "list/outcome", file_bytes_).read(first, count);
    const RaggedSlice<std::uint8_t> text(file_, "list/canonical_offset", "list/canonical", first,
                                         count, file_bytes_);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (outcome[i] > static_cast<std::uint8_t>(ListOutcome::unreadable)) {
        damaged("/list/outcome has an unknown value");
      }
      const auto what = static_cast<ListOutcome>(outcome[i]);
      if (what == ListOutcome::row && row[i] >= record_.rows) {
        damaged("/list/row is out of range");
      }
      const bool readable = what != ListOutcome::unreadable;
      result[i] = {source[i], line[i], what, row[i],
                   readable ? key_of(field(order[i]), length[i], text_of(text[i])) : ""};
    }
    return result;
  });
}

}  // namespace orbitmill
